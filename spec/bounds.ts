/**
 * All bounds of the server in one table: for one value, one row, one answer and one account. The server refuses a request
 * beyond a bound before it does any work, with 413 `body_too_large` for a single value and 429 `limit_reached` for an
 * account. `docs/protocol.md` shows the same table, and a test compares both tables.
 */

import * as z from 'zod/mini';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/**
 * The limits of the platform (Cloudflare D1, "Limits"). The local runtime accepts more, so the code enforces them.
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
  /** An idea with all its features, as one answer shows them. */
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
  /** The error of a job. A longer error is cut and not refused, because the result must arrive. */
  errorBytes: 4 * KIB,
  /** The newest earlier attempts of one job. Only these are kept and shown. */
  shownAttempts: 100,
  /** The newest cancels, retries and receipts of one job. Only these are shown. */
  shownEvents: 200,
  /** The newest entries of the audit log about one job, machine or network of an account. Only these are kept. */
  auditEntries: 1000,
  /** The valid device tokens of one account. The same number of revoked tokens is remembered for 30 days. */
  deviceTokens: 200,
  /** The valid tokens that one account has made for programs. They do not count as devices. */
  madeTokens: 50,
  /** Workspaces of one account. */
  workspaces: 200,
  /** The newest events of one workspace. Only these are kept. */
  workspaceEvents: 200,
  /** Invitations of the whole server that nobody has used and that have not ended. */
  openInvitations: 100,
  /** Terminals that wait to be signed in. */
  deviceRequests: 1000,
  /** The maximum number of waiting sign-ins of terminals from one network. */
  deviceRequestsOfNetwork: 20,
} as const;

const limit = z.int().check(z.minimum(0), z.maximum(Number.MAX_SAFE_INTEGER));

/**
 * What one account may have. A deployment changes these limits with the variable `ACCOUNT_LIMITS`, a JSON object of
 * these keys.
 */
export const accountLimits = z.strictObject({
  /** Jobs that have not ended. */
  queuedJobs: z._default(limit, 5000),
  /**
   * All jobs, including those that have ended. When 90 % are in use, cron removes the oldest ended jobs. A job has at most
   * about 40 KiB that `storedBytes` does not count, so all jobs together have at most 2 GB.
   */
  keptJobs: z._default(limit, 50_000),
  /** Machines that have synced. */
  machines: z._default(limit, 100),
  /** Linked repositories over all machines. */
  linkedProjects: z._default(limit, 2000),
  /** Bytes of all linked repositories and their sessions. */
  linkedBytes: z._default(limit, 4 * MIB),
  /** Ideas, including removed ideas until they are purged. */
  ideas: z._default(limit, 5000),
  features: z._default(limit, 20_000),
  /** Open streams that follow jobs, for each machine and for the queue. The total of an account is the sum. */
  followStreams: z._default(limit, 100),
  /**
   * Bytes of ideas, features, prompts, answers, reviews, earlier attempts and events. The short texts of a job count as
   * `keptJobs`.
   */
  storedBytes: z._default(limit, 2 * GIB),
});

export type AccountLimits = z.output<typeof accountLimits>;
export type AccountLimit = keyof AccountLimits;

/** The names of all limits, in the order in which people see them. */
export const ACCOUNT_LIMITS = Object.keys(accountLimits.shape) as AccountLimit[];

/** A change of the limits of one account. Null restores the limit of the deployment. */
export const changedLimits = z.partialRecord(z.enum(ACCOUNT_LIMITS), z.nullable(limit)).check(
  z.refine((changes) => Object.keys(changes).length > 0, {
    message: `name at least one of ${ACCOUNT_LIMITS.join(', ')}`,
  }),
);

/** The limits of an account when the deployment sets none. */
export const DEFAULT_ACCOUNT_LIMITS: AccountLimits = accountLimits.parse({});

/** The name of a limit in a sentence, and how to make room. */
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

/** The name of a limit for people. */
export function limitNoun(name: AccountLimit): string {
  return WORDS[name].noun;
}

/** The sentence and the hint of a refusal at an account limit. */
export function limitSentence(name: AccountLimit, limits: AccountLimits): { message: string; hint: string } {
  const { noun, remedy } = WORDS[name];
  return {
    message: `Your account has reached its limit of ${limits[name]} ${noun} (${name}).`,
    hint: remedy,
  };
}

/** The length of a text in bytes of UTF-8, the unit of all bounds. */
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

/** The share of one account in one isolate. A request above the share waits for its turn. */
export interface Share {
  /** The bytes that an account may use at once after a pause. */
  burstBytes: number;
  bytesPerSecond: number;
  /** The fixed cost of every request, in addition to the bytes that it sends and reads. */
  requestBytes: number;
  /** The maximum number of running requests of one account. Other requests wait. */
  underWay: number;
  /** Longest wait for a turn. */
  waitMs: number;
  /**
   * If true, the server waits before it refuses a request, so that a client cannot send large bodies in a fast loop.
   */
  slowRefusals: boolean;
  /** The maximum number of running requests of one account while another account also sends requests. */
  underWayBeside: number;
}

/**
 * The rules while two accounts send requests in one isolate. Each account may run fewer requests at a time
 * (`underWayBeside`). After a heavy request, an account waits until its debt is repaid. The debt is the number of bytes sent
 * and read above `freeBytes`. With these rules, heavy requests of one account use about 5 % of the thread's time. Measured
 * with `npm run bench -- neighbors`, a byte takes 0.02 to 0.2 microseconds.
 */
export const BESIDE_OTHERS = {
  /** An account counts as active for this time after its last request. */
  forMs: 1000,
  /** A request that has run for longer only waits for D1 and uses no processor time, so it does not count. */
  busyMs: 500,
  freeBytes: 64 * KIB,
  /** An account with at most this much debt does not wait. */
  burstBytes: 256 * KIB,
  repaidBytesPerSecond: 256 * KIB,
  /** The maximum debt. It limits the wait of a request to about 8 s. */
  mostBytes: 2 * MIB,
} as const;

/**
 * The share for deliveries of a runner: results, transcripts, and other requests that must not wait behind requests of
 * people. Small deliveries have another share; one upload of a runner is small. The share is large enough for the largest
 * body of a v0.4.4 client.
 */
export const DELIVERIES = {
  smallBytes: 512 * KIB,
  burstBytes: 16 * MIB,
  bytesPerSecond: 2 * MIB,
  requestBytes: 4 * KIB,
  underWay: 2,
  /** The wait is short, because a runner keeps a refused delivery and sends it again. */
  waitMs: 3000,
  slowRefusals: true,
  underWayBeside: 1,
} as const satisfies Share & { smallBytes: number };

/**
 * The share for deliveries of up to `DELIVERIES.smallBytes`. A runner sends its uploads of at most 192 KiB one after another,
 * so the uploads of an agent that prints without a pause are slowed down but not refused.
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
 * The share for heartbeats, starts, releases and cancels: 128 per second, 512 at once. It is separate from the deliveries, so
 * that many transcripts cannot make a lease expire. A hundred machines with four jobs each send 20 heartbeats per second.
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

/**
 * How often heartbeats may write a changed name or condition of a machine. A later heartbeat writes a change that was not
 * written.
 */
export const SAID_CHANGES = { burst: 5, everyMs: 10_000 } as const;

/**
 * How much of the processor one account may use in one isolate. The unit is one byte of a request or an answer. A row that
 * the database has read counts as `rowBytes`, because it takes about as long. Measured with `npm run bench -- neighbors`.
 */
export const PACE = {
  /** The bytes that an account may use at once after a pause. */
  burstBytes: 8 * MIB,
  bytesPerSecond: 512 * KIB,
  /** The fixed cost of every request. Opening a stream costs `streamBytes`. */
  requestBytes: 4 * KIB,
  streamBytes: 64 * KIB,
  rowBytes: 4,
  /** The maximum number of running requests of one account. Other requests wait. */
  underWay: 6,
  /** The maximum number of waiting requests of one account. Further requests are refused. */
  waiting: 500,
  /** Longest wait for a turn. */
  waitMs: 10_000,
  slowRefusals: false,
  underWayBeside: 2,
  /** A request that has run for this long was dropped by the platform. */
  forgottenMs: 60_000,
  /**
   * The shortest pause between two checks of a waiting request, and the addition for each waiting request.
   */
  lookMs: 25,
  lookPerWaiterMs: 2,
} as const;
