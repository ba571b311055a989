/** Jobs for their owner: enqueue, list, show, transcript, cancel, retry. */

import * as z from 'zod/mini';
import { machineIdField } from '../ids.ts';
import {
  FAILURE_KINDS,
  LEASE_LOSS_POLICIES,
  MAX_ATTEMPTS_LIMIT,
  MAX_PRIORITY,
  MAX_PROMPT_BYTES,
  MAX_TIMEOUT_SECONDS,
  MIN_PRIORITY,
  SESSION_FALLBACKS,
  USAGE_LIMIT_POLICIES,
} from '../job/kinds.ts';
import { FALLBACK_REASONS, SESSION_SOURCES } from '../job/routing.ts';
import { JOB_STATUSES } from '../job/status.ts';
import { WAITING_CODES } from '../job/waiting.ts';
import {
  absentable,
  endpoint,
  jobKind,
  ok,
  projectRootField,
  queryInteger,
  sentKind,
  timestamp,
} from './endpoint.ts';

/** How one attempt at a job ended. `released`: it ended before it had any effect. `revoked`: a person revoked it. */
const ATTEMPT_OUTCOMES = ['completed', 'failed', 'cancelled', 'released', 'lost', 'revoked'] as const;

const session = {
  machineId: absentable,
  instance: absentable,
  leaseId: absentable,
  projectRoot: absentable,
  orpSessionId: absentable,
  codexSessionId: absentable,
  sessionSource: z.optional(z.enum(SESSION_SOURCES)),
  fallbackReason: z.optional(z.enum(FALLBACK_REASONS)),
  claimedAt: absentable,
  startedAt: absentable,
  finishedAt: absentable,
};

const outcome = {
  summary: absentable,
  error: absentable,
  failureKind: z.optional(z.enum(FAILURE_KINDS)),
};

/** One attempt at a job: its machine and session, why they were chosen, and how it ended. */
export const attempt = z.object({
  attempt: z.int(),
  /** Absent while the attempt is running. */
  outcome: z.optional(z.enum(ATTEMPT_OUTCOMES)),
  ...session,
  ...outcome,
  content: absentable,
  /** Bytes of an answer that this document omits because it would be too long. */
  contentBytes: z.optional(z.int()),
});

/** The stop receipt: the processes that a runner ended after a cancel. */
export const stopReceipt = z.object({
  /** Processes of the agent's group that ended. */
  processes: z.int().check(z.minimum(0), z.maximum(100_000)),
  /** The last signal that was needed, or `none` if no process was left. */
  signal: z.enum(['none', 'SIGINT', 'SIGTERM', 'SIGKILL']),
  tookMs: z.int().check(z.minimum(0)),
  at: timestamp,
});

export const waiting = z.object({
  code: z.enum(WAITING_CODES),
  message: z.string(),
  since: z.string(),
  /**
   * Present if the named session cannot take the job: names the session that will take it, and how to wait for the named
   * session. Also present if the policy of the machine will stop the job.
   */
  note: absentable,
});

export const job = z.object({
  id: z.string(),
  kind: jobKind,
  status: z.enum(JOB_STATUSES),
  ideaId: absentable,
  worldId: absentable,
  checkpointId: absentable,
  priority: z.int(),
  attempt: z.int(),
  maxAttempts: z.int(),
  onLeaseLoss: z.enum(LEASE_LOSS_POLICIES),
  /** What to do at a usage limit. If absent, it is `wait`. */
  onUsageLimit: z.optional(z.enum(USAGE_LIMIT_POLICIES)),
  sessionFallback: z.enum(SESSION_FALLBACKS),
  timeoutSeconds: z.optional(z.int()),
  target: z.object({
    machineId: absentable,
    projectRoot: absentable,
    orpSessionId: absentable,
    codexSessionId: absentable,
  }),
  createdAt: z.string(),
  createdBy: absentable,
  notBefore: absentable,
  expiresAt: z.string(),
  updatedAt: z.string(),
  leaseExpiresAt: absentable,
  ...session,
  ...outcome,
  cancel: z.optional(
    z.object({
      at: z.string(),
      by: absentable,
      reason: absentable,
      /** When the runner confirmed that the agent has ended. */
      confirmedAt: absentable,
      receipt: z.optional(stopReceipt),
    }),
  ),
  /**
   * Extension: the beginning of the prompt, on one line, with at most `PROMPT_START_CHARACTERS`. Only lists have this field,
   * and only for jobs that are not reviews.
   */
  promptStart: absentable,
  /** Why the job does not run. Absent if it runs or has ended. */
  waiting: z.optional(waiting),
});

/** A cancel or retry by a person, or a receipt of a runner. `detail`: the reason, or the stopped processes. */
const storyEvent = z.object({
  at: z.string(),
  action: z.enum(['cancel', 'retry', 'stopped']),
  by: absentable,
  detail: absentable,
});

const jobWithStory = z.extend(job, {
  prompt: z.string(),
  content: absentable,
  /**
   * The newest 100 attempts, oldest first. They include their answers, beginning with the newest, up to 1 MiB in total.
   */
  attempts: z.array(attempt),
  /** The newest 200 events. */
  events: z._default(z.array(storyEvent), []),
});

const promptText = z.string().check(
  z.maxLength(MAX_PROMPT_BYTES),
  z.refine((text) => text.trim() !== '', 'must not be blank'),
);

/** Refuses unknown fields, because a misspelt option would otherwise be ignored silently. */
export const enqueueJob = endpoint({
  name: 'enqueueJob',
  method: 'POST',
  path: '/api/cli/runner/jobs',
  summary:
    'Queue a prompt for a linked session. If the header `Idempotency-Key` and the body are repeated, the answer is the same job.',
  body: z.strictObject({
    kind: z._default(sentKind, 'session.prompt'),
    prompt: promptText,
    ideaId: z.optional(z.string().check(z.maxLength(128))),
    worldId: z.optional(z.string().check(z.maxLength(128))),
    machineId: z.optional(machineIdField),
    projectRoot: z.optional(projectRootField),
    orpSessionId: z.optional(z.string().check(z.minLength(1), z.maxLength(200))),
    codexSessionId: z.optional(z.string().check(z.minLength(1), z.maxLength(200))),
    sessionFallback: z._default(z.enum(SESSION_FALLBACKS), 'primary'),
    priority: z._default(z.int().check(z.minimum(MIN_PRIORITY), z.maximum(MAX_PRIORITY)), 0),
    notBefore: z.optional(timestamp),
    expiresAt: z.optional(timestamp),
    onLeaseLoss: z.optional(z.enum(LEASE_LOSS_POLICIES)),
    onUsageLimit: z.optional(z.enum(USAGE_LIMIT_POLICIES)),
    maxAttempts: z.optional(z.int().check(z.minimum(1), z.maximum(MAX_ATTEMPTS_LIMIT))),
    timeoutSeconds: z.optional(z.int().check(z.minimum(1), z.maximum(MAX_TIMEOUT_SECONDS))),
  }),
  maxBodyBytes: MAX_PROMPT_BYTES * 2,
  capability: 'jobs',
  needs: 'enqueue',
  reply: z.object({ ok, job, created: z.boolean() }),
  status: 201,
  errors: ['not_found', 'idempotency_conflict', 'limit_reached'],
  idempotent: true,
});

export const listJobs = endpoint({
  name: 'listJobs',
  method: 'GET',
  path: '/api/cli/runner/jobs',
  summary:
    'List your jobs, newest first. Filters combine. A filtered page may have fewer jobs than `limit`, or none, although more pages follow. Continue with `nextCursor`.',
  capability: 'jobs',
  query: z.object({
    limit: queryInteger(1, 200, 25),
    /** The last id of the previous page. */
    cursor: z.optional(z.string().check(z.maxLength(128))),
    /** One status, or several statuses separated by commas. `live` means all statuses that are not terminal. */
    status: z.optional(z.string().check(z.maxLength(200))),
    kind: z.optional(z.pipe(z.string().check(z.maxLength(64)), jobKind)),
    ideaId: z.optional(z.string().check(z.maxLength(128))),
    machineId: z.optional(machineIdField),
  }),
  needs: 'read',
  reply: z.object({ ok, jobs: z.array(job), nextCursor: absentable, hasMore: z.boolean() }),
  errors: [],
  idempotent: true,
});

export const showJob = endpoint({
  name: 'showJob',
  method: 'GET',
  path: '/api/cli/runner/jobs/:jobId',
  summary: 'Show one job with its prompt, its attempts, its answer, and the reason why it waits.',
  capability: 'jobs',
  needs: 'read',
  reply: z.object({ ok, job: jobWithStory }),
  errors: ['not_found'],
  idempotent: true,
});

export const TRANSCRIPT_STREAMS = ['agent', 'system', 'stdout', 'stderr'] as const;
export const LOG_LEVELS = ['info', 'warn', 'error'] as const;

export const transcriptEntry = z.object({
  attempt: z.int(),
  seq: z.int(),
  /** The cursor after this entry. */
  cursor: z.string(),
  at: z.string(),
  /** `message`: a message of the agent or the system. `log`: output. `gap`: describes missing entries and the reason. */
  type: z.enum(['message', 'log', 'gap']),
  stream: z.enum(TRANSCRIPT_STREAMS),
  level: z.enum(LOG_LEVELS),
  text: z.string(),
});

/** One message, piece of output, or gap; `at` is epoch ms. */
export type Entry = Omit<z.infer<typeof transcriptEntry>, 'attempt' | 'cursor' | 'at'> & { at: number };

/** An entry that may have no number yet. The v0.4.4 client sends no numbers, so the transcript assigns them. */
export type NewEntry = Omit<Entry, 'seq'> & { seq?: number | undefined };

/**
 * The maximum transcript of an attempt, 20 MiB. After that, one gap entry is added, and further entries are acknowledged and
 * dropped.
 */
export const ATTEMPT_LIMIT_BYTES = 20 * 1024 * 1024;

/** How long a transcript is kept. */
export const RETENTION_MS = 30 * 24 * 60 * 60 * 1000;

export const readTranscript = endpoint({
  name: 'readTranscript',
  method: 'GET',
  path: '/api/cli/runner/jobs/:jobId/transcript',
  summary: 'Read the messages and the output of a job in order, across all attempts.',
  capability: 'jobs',
  query: z.object({
    /** The `nextCursor` of the previous page. */
    cursor: z.optional(z.string().check(z.maxLength(64))),
    limit: queryInteger(1, 1000, 200),
  }),
  needs: 'read',
  reply: z.object({
    ok,
    entries: z.array(transcriptEntry),
    /** The cursor to continue from. It is present even at the end, so that a follower can ask again. */
    nextCursor: z.string(),
    hasMore: z.boolean(),
    status: z.enum(JOB_STATUSES),
  }),
  errors: ['not_found'],
  idempotent: true,
});

/** A v0.4.4 client always names the machine. A person without a machine omits it. */
const operatorBody = z.object({
  machineId: z.nullish(machineIdField),
  leaseId: z.nullish(z.string().check(z.maxLength(128))),
  reason: z.nullish(z.string().check(z.maxLength(1000))),
});

export const cancelJob = endpoint({
  name: 'cancelJob',
  method: 'POST',
  path: '/api/cli/runner/jobs/:jobId/cancel',
  summary:
    'Cancel a job. The cancel takes effect at once and is final. The server revokes the lease, and the runner stops the agent.',
  body: z.extend(operatorBody, { receipt: z.optional(stopReceipt) }),
  reply: z.object({ ok, job }),
  errors: ['not_found', 'foreign_machine', 'lease_lost', 'wrong_status'],
  paced: false,
  idempotent: true,
});

export const retryJob = endpoint({
  name: 'retryJob',
  method: 'POST',
  path: '/api/cli/runner/jobs/:jobId/retry',
  summary: 'Retry a job. A lost or active job may run twice; in this case the answer has a warning.',
  body: z.extend(operatorBody, {
    /**
     * Extension: the `attempt` of the job that the person saw. The retry replaces only this attempt. If an earlier retry has
     * already replaced it, the answer is a success and nothing changes. So a client that lost the answer can repeat the
     * request.
     */
    expectedAttempt: z.optional(z.int().check(z.minimum(0), z.maximum(1_000_000_000))),
  }),
  reply: z.object({ ok, job, warning: absentable }),
  errors: ['not_found', 'foreign_machine', 'lease_lost', 'wrong_status', 'record_changed', 'limit_reached'],
  /**
   * A request with `expectedAttempt` is idempotent. Only v0.4.4 omits `expectedAttempt`, and v0.4.4 never repeats a
   * request.
   */
  idempotent: true,
});

/** The number of characters of a prompt that a list shows. */
export const PROMPT_START_CHARACTERS = 120;
