/**
 * Every bound of the server in one table: what one value, one row, one answer and one account may hold. A request beyond a
 * bound is refused before any work is done: 413 `body_too_large` for a single value, 429 `limit_reached` for an account.
 * `docs/protocol.md` shows the same table; a test compares the two.
 */

import { z } from 'zod';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/**
 * What the platform accepts (Cloudflare D1, "Limits"). The local runtime accepts more, so the code enforces these.
 */
export const PLATFORM = {
  /** Bytes of all values of one statement; D1 stores rows and strings of at most 2,000,000 bytes. */
  statementValueBytes: 2_000_000,
  /** Bytes of the text of one statement. */
  statementTextBytes: 100_000,
  /** Bound parameters of one statement. */
  statementParameters: 100,
} as const;

/** Bytes (UTF-8) or counts of one value, row or answer. They are the same for every account. */
export const BOUNDS = {
  /** A feature with its notes and sections: one row. */
  featureBytes: 1 * MIB,
  /** An idea with all its features, as the answer that shows it. */
  ideaBytes: 4 * MIB,
  /** Detail sections of one feature. */
  featureSections: 200,
  /** Features of one idea. */
  ideaFeatures: 1000,
  /** Linked repositories of one machine; the same folder linked to two ideas counts twice. */
  machineProjects: 500,
  /** The sessions of one repository on one machine, as stored: about 2,000 sessions. */
  repositorySessionsBytes: 512 * KIB,
  /** The linked repositories of one machine and their sessions. */
  machineLinkedBytes: 1 * MIB,
  /** Long texts (notes, earlier answers) in one page of a list. The first row of a page always fits. */
  pageBytes: 1 * MIB,
  /** The error of a job. A longer one is cut, because the result that it comes with must arrive. */
  errorBytes: 4 * KIB,
  /** Earlier attempts that one job keeps and shows, the newest. */
  shownAttempts: 100,
  /** Orders and receipts that one job shows, the newest. */
  shownEvents: 200,
  /** Entries of the audit log that are kept about one job, machine or network of an account, the newest. */
  auditEntries: 1000,
  /** Device tokens of one account that count; as many revoked ones are remembered, for 30 days. */
  deviceTokens: 200,
} as const;

const limit = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/**
 * What one account may have. A deployment changes these limits with the variable `ACCOUNT_LIMITS`, a JSON object of
 * these keys.
 */
export const accountLimits = z.strictObject({
  /** Jobs that have not ended. */
  queuedJobs: limit.default(5000),
  /**
   * Jobs, ended ones included. Cron removes the oldest ended ones as soon as nine tenths are in use. A job has at most about
   * 40 KiB that `storedBytes` does not count, so all of them have at most 2 GB.
   */
  keptJobs: limit.default(50_000),
  /** Machines that have synced. */
  machines: limit.default(100),
  /** Linked repositories over all machines. */
  linkedProjects: limit.default(2000),
  /** Bytes of all linked repositories and their sessions. */
  linkedBytes: limit.default(4 * MIB),
  /** Ideas, removed ones included until they are purged. */
  ideas: limit.default(5000),
  features: limit.default(20_000),
  /** Streams that follow jobs, at one time: of each machine, and of the queue. Over the account it is the sum of these. */
  followStreams: limit.default(100),
  /** Bytes of ideas, features, prompts, answers, reviews, earlier attempts and orders; the short texts of a job count as `keptJobs`. */
  storedBytes: limit.default(2 * GIB),
});

export type AccountLimits = z.output<typeof accountLimits>;
export type AccountLimit = keyof AccountLimits;

/** The limits of an account when the deployment sets none. */
export const DEFAULT_ACCOUNT_LIMITS: AccountLimits = accountLimits.parse({});

/** The name of a limit in a sentence, and what makes room. */
const WORDS: Record<AccountLimit, { noun: string; remedy: string }> = {
  queuedJobs: {
    noun: 'jobs that have not ended',
    remedy: 'Wait until some have run, or cancel some with orp job cancel.',
  },
  keptJobs: {
    noun: 'kept jobs, ended ones included',
    remedy:
      'Wait: the server removes the oldest ended jobs, 100 a minute. Or ask your operator to raise the limit.',
  },
  machines: { noun: 'machines', remedy: 'Ask your operator to raise the limit or to remove a machine.' },
  linkedProjects: {
    noun: 'linked repositories',
    remedy: 'Unlink some with orp link project unbind, then run orp runner sync.',
  },
  linkedBytes: {
    noun: 'bytes of linked repositories and sessions',
    remedy: 'Archive sessions you no longer use with orp link session archive, then run orp runner sync.',
  },
  ideas: { noun: 'ideas', remedy: 'Purge some with orp idea remove --purge.' },
  features: { noun: 'features', remedy: 'Remove some with orp feature remove, or purge an idea.' },
  followStreams: { noun: 'open streams', remedy: 'Stop one orp job logs --follow, then try again.' },
  storedBytes: {
    noun: 'stored bytes',
    remedy: 'Delete ideas with orp idea remove --purge, or ask your operator to raise the limit.',
  },
};

/** The sentence and the hint of a refusal at an account limit. */
export function limitSentence(name: AccountLimit, limits: AccountLimits): { message: string; hint: string } {
  const { noun, remedy } = WORDS[name];
  return {
    message: `Your account has reached its limit of ${limits[name]} ${noun} (${name}).`,
    hint: remedy,
  };
}

/** The length of a text in bytes of UTF-8, in which every bound is counted. */
export function utf8Length(text: string): number {
  let bytes = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800) bytes += 2;
    else if (unit >= 0xd800 && unit < 0xdc00 && at + 1 < text.length && isLow(text.charCodeAt(at + 1))) {
      bytes += 4;
      at += 1;
    } else bytes += 3;
  }
  return bytes;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}

/** What one account may move in one isolate; beyond it a request waits for its turn. */
export interface Share {
  /** Spent at once by an account that was idle. */
  burstBytes: number;
  bytesPerSecond: number;
  /** Every request costs this much, besides what it moves and reads. */
  requestBytes: number;
  /** Requests of one account that run at the same time; the others wait. */
  underWay: number;
  /** Longest wait for a turn. */
  waitMs: number;
  /**
   * Refuses only after the wait, so that a client that sends large bodies in a loop cannot send the next one at once.
   */
  slowRefusals: boolean;
  /** Requests of one account that run at the same time while another account asks, too. */
  underWayBeside: number;
}

/**
 * What changes while two accounts ask in one isolate: an account runs fewer requests at a time (`underWayBeside`), and one whose
 * request was heavy waits until its debt is repaid. A request is heavy by the bytes that it moved and read beyond `freeBytes`.
 * So a single thread is busy with the heavy requests of an account for about 5 % of the time. Measured with
 * `npm run bench -- neighbors`: a byte takes 0.02 to 0.2 microseconds.
 */
export const BESIDE_OTHERS = {
  /** Another account counts as asking for this long after its last request. */
  forMs: 1000,
  /** A request that has run for longer waits for D1 and does not count: it takes nothing from the thread. */
  busyMs: 500,
  freeBytes: 64 * KIB,
  /** An account with at most this much debt does not wait. */
  burstBytes: 256 * KIB,
  repaidBytesPerSecond: 256 * KIB,
  /** A large debt is cut, so that a request waits at most about 8 s. */
  mostBytes: 2 * MIB,
} as const;

/**
 * What deliveries of a runner may move: results, transcripts, and everything else that must not wait behind the
 * requests of people. Small deliveries do not wait; one upload of a runner is small. The budget holds the largest
 * body of a v0.4.4 client.
 */
export const DELIVERIES = {
  smallBytes: 512 * KIB,
  burstBytes: 16 * MIB,
  bytesPerSecond: 2 * MIB,
  requestBytes: 4 * KIB,
  underWay: 2,
  /** Short, because a runner keeps a refused delivery and sends it again. */
  waitMs: 3000,
  slowRefusals: true,
  underWayBeside: 1,
} as const satisfies Share & { smallBytes: number };

/**
 * What deliveries of up to `DELIVERIES.smallBytes` may move. A runner sends its uploads of at most 192 KiB one after another,
 * so an agent that prints without a pause is slowed down to the share and not refused.
 */
export const SMALL_DELIVERIES = {
  burstBytes: 8 * MIB,
  bytesPerSecond: 2 * MIB,
  requestBytes: 16 * KIB,
  underWay: 40,
  waitMs: 3000,
  slowRefusals: true,
  underWayBeside: 1,
} as const satisfies Share;

/**
 * How many signs of life may come: heartbeats, starts, releases and cancels. Apart from the deliveries, because transcripts that
 * fill their share must not cost anybody a lease. 128 a second, 512 at once; a hundred machines with four jobs each send 20.
 */
export const SIGNS_OF_LIFE = {
  burstBytes: 2 * MIB,
  bytesPerSecond: 512 * KIB,
  requestBytes: 4 * KIB,
  underWay: 40,
  waitMs: 3000,
  slowRefusals: true,
  underWayBeside: 1,
} as const satisfies Share;

/** Changes of a machine's name or condition that heartbeats may write: each is a row. A later heartbeat writes a change that was withheld. */
export const SAID_CHANGES = { burst: 5, everyMs: 10_000 } as const;

/**
 * How much of the processor one account may take in one isolate. The unit is a byte of a request or an answer; a row
 * that the database read counts as `rowBytes`, which take about as long. Measured with `npm run bench -- neighbors`.
 */
export const PACE = {
  /** Spent at once by an account that was idle. */
  burstBytes: 8 * MIB,
  bytesPerSecond: 512 * KIB,
  /** Every request costs this much; one that opens a stream `streamBytes`. */
  requestBytes: 4 * KIB,
  streamBytes: 64 * KIB,
  rowBytes: 4,
  /** Requests of one account that run at the same time; the others wait. */
  underWay: 6,
  /** Requests of one account that wait; more are refused. */
  waiting: 500,
  /** Longest wait for a turn. */
  waitMs: 10_000,
  slowRefusals: false,
  underWayBeside: 2,
  /** A request that has run for this long was dropped by the platform. */
  forgottenMs: 60_000,
  /**
   * Pause between two checks of a waiting request: the shortest one, and the addition for each request that waits.
   */
  lookMs: 25,
  lookPerWaiterMs: 2,
} as const;
