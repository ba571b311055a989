/** The records in the files of a spool. Local files are snake_case; every record is checked when it is read. */

import { z } from 'zod';
import { LOG_LEVELS, TRANSCRIPT_STREAMS } from '../../../spec/contract/jobs.ts';
import { FAILURE_KINDS, USAGE_LIMIT_POLICIES } from '../../../spec/job/kinds.ts';
import { MAX_RETRY_AFTER_MS, RELEASE_REASONS } from '../../../spec/job/release.ts';

/** No system assigns higher process ids; 1 is the init process, and as a group it would mean every process. */
const pid = z
  .number()
  .int()
  .max(2 ** 31 - 1);
const mark = { pid: pid.min(1), start_time: z.string() };

/** What a usage limit of the agent's account does to the job. */
const usageTerms = z.object({
  policy: z.enum(USAGE_LIMIT_POLICIES),
  /** How often it has waited for a reset, since the last order of a person. */
  waits: z.number().int().min(0),
  /** When the job expires, epoch ms: at most the last instant that a date can show. */
  expires_at: z.number().int().min(0).max(8.64e15),
});
export type UsageTerms = z.infer<typeof usageTerms>;

/** The first record of a journal: which lease this is, and who holds it. */
const claimRecord = z.object({
  record: z.literal('claimed'),
  version: z.literal(1),
  at_utc: z.string(),
  /** Origin of the server that gave the lease; nothing of it is sent to another server. */
  base_url: z.string(),
  /** Who claimed it; absent in records of earlier versions. */
  account: z.object({ user_id: z.string().optional(), email: z.string().optional() }).optional(),
  machine_id: z.string(),
  job_id: z.string(),
  job_kind: z.string(),
  lease_id: z.string().optional(),
  /** Absent in records of earlier versions, and for prompts. */
  checkpoint_id: z.string().optional(),
  attempt: z.number().int(),
  repo_root: z.string().optional(),
  orp_session_id: z.string().optional(),
  /** Absent in records of earlier versions, and where the server does not say it. */
  usage: usageTerms.optional(),
  /** The runner process that works on it; while it lives, no other runner touches the folder. */
  runner: z.object(mark),
});
export type ClaimRecord = z.infer<typeof claimRecord>;

export const journalRecord = z.discriminatedUnion('record', [
  claimRecord,
  /** Written before the spawn: from here on the agent may have run. */
  z.object({
    record: z.literal('spawning'),
    at_utc: z.string(),
    /** Where the agent writes its answer. */
    answer_path: z.string().optional(),
    /** The tag in the agent's environment, which finds its processes although their ids were not recorded. */
    tag: z.string().optional(),
  }),
  /** Written before a prompt is entered into a session of an agent server: from here on its transcript tells the outcome. */
  z.object({
    record: z.literal('entering'),
    at_utc: z.string(),
    session_id: z.string(),
    /** What the prompt carries in the transcript. */
    marker: z.string(),
    /** The agent of the session; absent: the default one. */
    agent: z.string().optional(),
    cwd: z.string(),
  }),
  /** Who runs. */
  z.object({ record: z.literal('spawned'), at_utc: z.string(), ...mark, pid: pid.min(2) }),
  /** It works in another session than the requested one: its answer is dropped. */
  z.object({ record: z.literal('other_session'), at_utc: z.string(), said: z.string() }),
  /** How it ended, as the runner saw it; written before the result. */
  z.object({
    record: z.literal('ended'),
    at_utc: z.string(),
    exit_code: z.number().int().nullable(),
    /** The runner ended it. */
    was_stopped: z.boolean(),
    /** What the agent itself reported of its turn; absent in records of earlier versions. */
    turn: z.enum(['unknown', 'open', 'completed', 'failed']).optional(),
  }),
]);
export type JournalRecord = z.infer<typeof journalRecord>;

/** A chunk for every millisecond of thirty years: behind such a number there is still room to count. */
const MAX_SEQ = 1e12;

/** A number of chunks that the server names; undefined when it is not a number. */
export function readSeq(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_SEQ
    ? value
    : undefined;
}

/** One numbered piece of the transcript, as it is sent. */
export const chunkRecord = z.object({
  seq: z.number().int().min(1).max(MAX_SEQ),
  at: z.string(),
  stream: z.enum(TRANSCRIPT_STREAMS),
  level: z.enum(LOG_LEVELS),
  text: z.string(),
});
export type ChunkRecord = z.infer<typeof chunkRecord>;

const receiptRecord = z.object({
  processes: z.number().int(),
  signal: z.enum(['none', 'SIGINT', 'SIGTERM', 'SIGKILL']),
  took_ms: z.number().int(),
});

/** How the attempt ended. A cancelled one delivers the receipt instead of a result. */
export const resultRecord = z.object({
  outcome: z.enum(['completed', 'failed', 'cancelled']),
  finished_at_utc: z.string(),
  summary: z.string().optional(),
  content: z.string().optional(),
  error: z.string().optional(),
  failure_kind: z.enum(FAILURE_KINDS).optional(),
  receipt: receiptRecord.optional(),
  /** The job had no effect: if the server supports that, it is returned instead. */
  release: z
    .object({
      reason: z.enum(RELEASE_REASONS),
      message: z.string(),
      /** How long the job waits, from `finished_at_utc` on; absent: the server decides. */
      retry_after_ms: z.number().int().min(0).max(MAX_RETRY_AFTER_MS).optional(),
    })
    .optional(),
});
export type ResultRecord = z.infer<typeof resultRecord>;

/**
 * Parses JSON Lines. The last line may be torn by a crash; so may, after a loss of power, any other: what does not
 * parse is skipped, and the gap in the numbers shows where it was.
 */
export function parseLines<T>(text: string, schema: z.ZodType<T>): T[] {
  return text.split('\n').flatMap((line) => {
    const parsed = parseLine(line, schema);
    return parsed === undefined ? [] : [parsed];
  });
}

function parseLine<T>(line: string, schema: z.ZodType<T>): T | undefined {
  if (line === '') return undefined;
  try {
    return schema.safeParse(JSON.parse(line)).data;
  } catch {
    // Torn by a crash.
    return undefined;
  }
}
