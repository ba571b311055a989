/** The records in the files of a spool. Local files are snake_case; every record is checked when it is read. */

import * as z from 'zod/mini';
import { LOG_LEVELS, TRANSCRIPT_STREAMS } from '../../../spec/contract/jobs.ts';
import { FAILURE_KINDS, USAGE_LIMIT_POLICIES } from '../../../spec/job/kinds.ts';
import { MAX_RETRY_AFTER_MS, RELEASE_REASONS } from '../../../spec/job/release.ts';

/** A process id. No system assigns higher ids. 1 is the init process, and as a group it would mean every process. */
const pid = z.int().check(z.maximum(2 ** 31 - 1));
const mark = { pid: pid.check(z.minimum(1)), start_time: z.string() };

/** What a usage limit of the agent's account does to the job. */
const usageTerms = z.object({
  policy: z.enum(USAGE_LIMIT_POLICIES),
  /** How often the job has waited for a reset since a person last queued or retried it. */
  waits: z.int().check(z.minimum(0)),
  /** When the job expires, epoch ms. The limit is the largest valid date. */
  expires_at: z.int().check(z.minimum(0), z.maximum(8.64e15)),
});
export type UsageTerms = z.infer<typeof usageTerms>;

/** The first record of a journal: the lease and its holder. */
const claimRecord = z.object({
  record: z.literal('claimed'),
  version: z.literal(1),
  at_utc: z.string(),
  /** The server that gave the lease. Data of the lease is not sent to any other server. */
  base_url: z.string(),
  /** The account that claimed the job. Absent in records of earlier versions. */
  account: z.optional(z.object({ user_id: z.optional(z.string()), email: z.optional(z.string()) })),
  machine_id: z.string(),
  job_id: z.string(),
  job_kind: z.string(),
  lease_id: z.optional(z.string()),
  /** Absent in records of earlier versions, and for prompts. */
  checkpoint_id: z.optional(z.string()),
  attempt: z.int(),
  repo_root: z.optional(z.string()),
  orp_session_id: z.optional(z.string()),
  /** Absent in records of earlier versions, and if the server does not send it. */
  usage: z.optional(usageTerms),
  /** The runner process that works on the job. While it runs, no other runner uses the folder. */
  runner: z.object(mark),
});
export type ClaimRecord = z.infer<typeof claimRecord>;

export const journalRecord = z.discriminatedUnion('record', [
  claimRecord,
  /** Written before the start. After this record, the agent may have run. */
  z.object({
    record: z.literal('spawning'),
    at_utc: z.string(),
    /** The file in which the agent writes its answer. */
    answer_path: z.optional(z.string()),
    /** The tag in the agent's environment, by which its processes are found even if their ids were not recorded. */
    tag: z.optional(z.string()),
  }),
  /**
   * Written before a prompt is entered into an agent server. After this record, the transcript of the session has the
   * outcome.
   */
  z.object({
    record: z.literal('entering'),
    at_utc: z.string(),
    session_id: z.string(),
    /** The marker of the prompt in the transcript. */
    marker: z.string(),
    /** The agent of the session. If absent, the runner uses the default agent. */
    agent: z.optional(z.string()),
    cwd: z.string(),
    /** The server into which the prompt was entered. Absent in records of earlier versions. */
    server: z.optional(z.enum(['own_server', 'shared_server'])),
    /** How long the turn may take from then on. Absent in records of earlier versions. */
    limit_ms: z.optional(z.number().check(z.positive())),
  }),
  /** The process of the agent. */
  z.object({ record: z.literal('spawned'), at_utc: z.string(), ...mark, pid: pid.check(z.minimum(2)) }),
  /** The agent works in another session than the requested one, so its answer is dropped. */
  z.object({ record: z.literal('other_session'), at_utc: z.string(), said: z.string() }),
  /** How the agent ended, as the runner observed it. Written before the result. */
  z.object({
    record: z.literal('ended'),
    at_utc: z.string(),
    exit_code: z.nullable(z.int()),
    /** True if the runner ended the agent. */
    was_stopped: z.boolean(),
    /** The state of the turn that the agent reported. Absent in records of earlier versions. */
    turn: z.optional(z.enum(['unknown', 'open', 'completed', 'failed'])),
  }),
]);
export type JournalRecord = z.infer<typeof journalRecord>;

/** More chunks than a job can have, but small enough for exact arithmetic. */
const MAX_SEQ = 1e12;

/** Reads the number of a chunk from the server. Returns undefined if it is not a number. */
export function readSeq(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_SEQ
    ? value
    : undefined;
}

/** One numbered piece of the transcript, in the form of the upload. */
export const chunkRecord = z.object({
  seq: z.int().check(z.minimum(1), z.maximum(MAX_SEQ)),
  at: z.string(),
  stream: z.enum(TRANSCRIPT_STREAMS),
  level: z.enum(LOG_LEVELS),
  text: z.string(),
});
export type ChunkRecord = z.infer<typeof chunkRecord>;

const receiptRecord = z.object({
  processes: z.int(),
  signal: z.enum(['none', 'SIGINT', 'SIGTERM', 'SIGKILL']),
  took_ms: z.int(),
});

/** How the attempt ended. For a cancelled attempt, the receipt is delivered instead of a result. */
export const resultRecord = z.object({
  outcome: z.enum(['completed', 'failed', 'cancelled']),
  finished_at_utc: z.string(),
  summary: z.optional(z.string()),
  content: z.optional(z.string()),
  error: z.optional(z.string()),
  failure_kind: z.optional(z.enum(FAILURE_KINDS)),
  receipt: z.optional(receiptRecord),
  /** Set if the job had no effect. If the server supports that, the job is returned to the queue. */
  release: z.optional(
    z.object({
      reason: z.enum(RELEASE_REASONS),
      message: z.string(),
      /** How long the job waits after `finished_at_utc`. If absent, the server decides. */
      retry_after_ms: z.optional(z.int().check(z.minimum(0), z.maximum(MAX_RETRY_AFTER_MS))),
    }),
  ),
});
export type ResultRecord = z.infer<typeof resultRecord>;

/**
 * Parses JSON Lines. A crash may damage the last line, and a power cut may damage any line. Lines that do not parse are
 * skipped; the gap in the numbers shows where they were.
 */
export function parseLines<T>(text: string, schema: z.ZodMiniType<T>): T[] {
  return text.split('\n').flatMap((line) => {
    const parsed = parseLine(line, schema);
    return parsed === undefined ? [] : [parsed];
  });
}

function parseLine<T>(line: string, schema: z.ZodMiniType<T>): T | undefined {
  if (line === '') return undefined;
  try {
    return schema.safeParse(JSON.parse(line)).data;
  } catch {
    // A crash damaged this line.
    return undefined;
  }
}
