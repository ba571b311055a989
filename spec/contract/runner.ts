/** The routes of a runner. They accept the bodies of v0.4.4. All other fields are extensions. */

import * as z from 'zod/mini';
import { BOUNDS } from '../bounds.ts';
import { machineIdField } from '../ids.ts';
import { MACHINE_CONDITIONS } from '../job/condition.ts';
import {
  FAILURE_KINDS,
  LEASE_LOSS_POLICIES,
  MAX_CHUNK_BYTES,
  MAX_RESULT_BYTES,
  USAGE_LIMIT_POLICIES,
} from '../job/kinds.ts';
import { MAX_RETRY_AFTER_MS, REASON_LENGTH, RELEASE_REASONS } from '../job/release.ts';
import { FALLBACK_REASONS, SESSION_SOURCES } from '../job/routing.ts';
import { JOB_STATUSES } from '../job/status.ts';
import { clip, oneLine } from '../text.ts';
import {
  absentable,
  agentName,
  announced,
  announcedInQuery,
  clearable,
  endpoint,
  jobKind,
  line,
  ok,
  policyVerdict,
  projectRootField,
  queryFlag,
  repeated,
  timestamp,
} from './endpoint.ts';
import { LOG_LEVELS, TRANSCRIPT_STREAMS } from './jobs.ts';

const sha = z.string().check(z.maxLength(128));

const linkedProject = z.object({
  ideaId: sha.check(z.minLength(1)),
  ideaTitle: z.nullish(line),
  worldId: z.nullish(sha),
  worldName: z.nullish(line),
  projectName: z.nullish(line),
  projectRoot: projectRootField,
  githubUrl: clearable,
  lastOpenedAt: z.nullish(timestamp),
});

const linkedSession = z.object({
  ideaId: z.nullish(sha),
  worldId: z.nullish(sha),
  projectRoot: projectRootField,
  orpSessionId: z.string().check(z.minLength(1), z.maxLength(200)),
  /** The id that the agent gave the session, whichever agent it is. */
  codexSessionId: z.nullish(z.string().check(z.maxLength(200))),
  /** Extension. If absent, the server assumes `codex`. */
  agent: z.optional(agentName),
  label: line,
  state: z.enum(['active', 'closed']),
  primary: z.boolean(),
  lastActiveAt: z.nullish(timestamp),
  /** Extension: what the owner's policy says about prompts for the session. If absent, the server does not know. */
  policy: z.optional(policyVerdict),
});

export const syncMachine = endpoint({
  name: 'syncMachine',
  method: 'POST',
  path: '/api/cli/runner/sync',
  summary:
    'Report the repositories and sessions that this machine has linked. For each listed repository, the server replaces its sessions.',
  body: z.object({
    machineId: machineIdField,
    machineName: line.check(z.minLength(1)),
    platform: z._default(z.string().check(z.maxLength(64)), 'unknown'),
    appVersion: z._default(z.string().check(z.maxLength(64)), 'unknown'),
    syncedAt: timestamp,
    linkedProjects: z.array(linkedProject).check(z.maxLength(500)),
    sessions: z.array(linkedSession).check(z.maxLength(5000)),
    /** Extension: true if the list is complete. The server then removes all other repositories of the machine. */
    complete: z.optional(z.boolean()),
    /** Extension: the list is complete for these repositories. The server removes each of them that is not listed. */
    completeRoots: z.optional(z.array(projectRootField).check(z.maxLength(500))),
  }),
  maxBodyBytes: 4 * 1024 * 1024,
  reply: z.object({ ok, syncedProjects: z.number(), syncedSessions: z.number() }),
  errors: ['foreign_machine', 'limit_reached'],
  idempotent: true,
});

/** A sentence of the runner. A long sentence is cut and not refused, because the rest of the request must arrive. */
const words = z.pipe(
  z.string(),
  z.transform((text) => clip(oneLine(text), REASON_LENGTH)),
);

/** Why the runner has paused claiming. */
export const machineCondition = z.object({
  code: z.enum(MACHINE_CONDITIONS),
  message: words,
  /** When the runner claims again. If absent, the runner claims again as soon as the agent works. */
  until: z.optional(timestamp),
});

/** The attempts whose output or result waits on the disk of the runner. Running jobs do not count. */
export const spoolBacklog = z.object({
  leases: z.int().check(z.minimum(0), z.maximum(1_000_000)),
  bytes: z.int().check(z.minimum(0), z.maximum(Number.MAX_SAFE_INTEGER)),
  /** When the oldest of these attempts was last written. */
  oldestAt: z.optional(timestamp),
});

export const drivenAgent = z.object({
  /** `shared_server`, `own_server` or `process`. A newer runner may name other ways. */
  way: z.string().check(z.regex(/^[a-z][a-z_]{0,31}$/, 'must be the name of a way')),
  version: z.optional(z.string().check(z.maxLength(64))),
});

/** The state of a lease in a heartbeat reply. */
const leaseState = z.object({
  valid: z.boolean(),
  expiresAt: absentable,
  /** Why the lease is not valid. */
  reason: z.optional(z.enum(['unknown', 'cancelled', 'revoked', 'finished', 'lost', 'foreign'])),
  /** `stop` means that the runner must end the agent, because the server accepts no result under this lease. */
  action: z.enum(['continue', 'stop']),
});

export const heartbeat = endpoint({
  name: 'heartbeat',
  method: 'POST',
  path: '/api/cli/runner/heartbeat',
  summary:
    'Report that the machine is alive, and renew the lease that the body names. If the lease is lost or belongs to another machine, the status is still 200, and the answer reports the loss.',
  body: z.object({
    machineId: machineIdField,
    machineName: z.nullish(line),
    jobId: z.nullish(z.string().check(z.maxLength(200))),
    leaseId: z.nullish(z.string().check(z.maxLength(200))),
    instance: z.nullish(z.string().check(z.maxLength(64))),
    draining: z.optional(z.boolean()),
    /** Extension: why the runner claims nothing. Absent if the runner claims jobs. */
    condition: z.optional(machineCondition),
    /** Extension: true while the runner asks a person whether the job may run. The job is not started yet. */
    asking: z.optional(z.boolean()),
    /** Extension: the results on the runner's disk that the server has not accepted. If absent, the server keeps the last report. */
    spool: z.optional(spoolBacklog),
    /** Extension: how the runner drives its agent. */
    agent: z.optional(drivenAgent),
  }),
  reply: z.object({ ok, lease: z.optional(leaseState), drain: z.optional(z.boolean()) }),
  errors: ['foreign_machine'],
  paced: false,
  idempotent: true,
});

/** A claimed job. Routing data is in `payload`, where v0.4.4 reads it. */
const claimedJob = z.object({
  id: z.string(),
  kind: jobKind,
  ideaId: absentable,
  checkpointId: absentable,
  attempt: z.int(),
  onLeaseLoss: z.enum(LEASE_LOSS_POLICIES),
  timeoutSeconds: z.optional(z.int()),
  createdBy: absentable,
  /** When the job expires if it has not started. */
  expiresAt: absentable,
  /** What to do at a usage limit if the job has had no effect yet. */
  onUsageLimit: z.optional(z.enum(USAGE_LIMIT_POLICIES)),
  /** How often the job was returned because of a usage limit since a person last queued or retried it. Absent if never. */
  usageWaits: z.optional(z.int()),
  payload: z.object({
    prompt: z.string(),
    ideaId: absentable,
    worldId: absentable,
    projectRoot: z.string(),
    orpSessionId: z.string(),
    codexSessionId: z.string(),
    checkpointId: absentable,
  }),
  selection: z.object({
    source: z.enum(SESSION_SOURCES),
    fallbackReason: z.optional(z.enum(FALLBACK_REASONS)),
  }),
  /** The leases that may have entered the prompt since a person last queued or retried the job, newest first. */
  earlierLeases: z.optional(z.array(z.string())),
});

export const pollJob = endpoint({
  name: 'pollJob',
  method: 'GET',
  path: '/api/cli/runner/jobs/poll',
  summary:
    'Claim at most one job for this machine and open a lease. With `dryRun=1`, the call claims nothing.',
  query: z.object({
    machineId: machineIdField,
    /** Extension: the same claim id returns the same lease. */
    claimId: z.optional(z.string().check(z.minLength(8), z.maxLength(64))),
    instance: z.optional(z.string().check(z.maxLength(64))),
    /** Extension: return only jobs for these repositories. */
    projectRoot: repeated,
    dryRun: queryFlag,
    /** Extension: the kinds of job that the runner knows, separated by commas. If absent, the server assumes the kinds of v0.4.4. */
    kinds: z.optional(announcedInQuery),
    /** Extension: the agents that the runner drives, separated by commas. If absent, the server assumes `codex`. */
    agents: z.optional(announcedInQuery),
  }),
  reply: z.object({
    ok,
    job: z.nullable(claimedJob),
    leaseId: absentable,
    leaseExpiresAt: absentable,
    /** With `dryRun`: the job would be claimed, but has no lease. */
    dryRun: z.optional(z.boolean()),
  }),
  errors: ['not_found', 'foreign_machine'],
  idempotent: false,
});

export const claimJob = endpoint({
  name: 'claimJob',
  method: 'POST',
  path: '/api/cli/runner/jobs/claim',
  summary:
    'Does the same as `pollJob`, but takes the repositories from the body, because a long list does not fit into a URL.',
  body: z.object({
    machineId: machineIdField,
    /** The same claim id returns the same lease. */
    claimId: z.string().check(z.minLength(8), z.maxLength(64)),
    instance: z.optional(z.string().check(z.maxLength(64))),
    /** The server returns only jobs for these repositories. If absent, it returns jobs for any repository that the machine has synced. */
    projectRoots: z.optional(z.array(projectRootField).check(z.maxLength(BOUNDS.machineProjects))),
    dryRun: z._default(z.boolean(), false),
    /** The kinds of job that the runner knows. If absent, the server assumes the kinds of v0.4.4. */
    kinds: z.optional(announced),
    /** The agents that the runner drives. If absent, `codex`. */
    agents: z.optional(announced),
  }),
  maxBodyBytes: 4 * 1024 * 1024,
  reply: z.extend(pollJob.reply, {
    /** Whether the machine is drained. An answer with this field means that the claim was also a sign of life. */
    drain: z.optional(z.boolean()),
  }),
  errors: ['not_found', 'foreign_machine'],
  idempotent: true,
  capability: 'claim-post',
});

/** The holder of the job. Every write of a runner names its lease id, the fencing token. */
const holder = { machineId: machineIdField, leaseId: z.nullish(z.string().check(z.maxLength(200))) };

const jobState = z.object({ id: z.string(), status: z.enum(JOB_STATUSES) });

const fenced = ['not_found', 'foreign_machine', 'lease_lost', 'wrong_status'] as const;

export const startJob = endpoint({
  name: 'startJob',
  method: 'POST',
  path: '/api/cli/runner/jobs/:jobId/start',
  summary: 'Report that the agent is about to start.',
  body: z.object(holder),
  reply: z.object({ ok, job: jobState, leaseExpiresAt: absentable }),
  errors: fenced,
  paced: false,
  idempotent: true,
});

/** Extension: a number, contiguous from 1 within a lease, over messages and logs together. */
const seq = z.int().check(z.minimum(1), z.maximum(1_000_000_000));

/** The number up to which every chunk has arrived. */
const received = { received: z.int() };

export const addMessage = endpoint({
  name: 'addMessage',
  method: 'POST',
  path: '/api/cli/runner/jobs/:jobId/messages',
  summary: 'Add one message to the transcript.',
  body: z.object({
    ...holder,
    sender: z._default(z.string().check(z.maxLength(64)), 'system'),
    content: z.string(),
    meta: z.nullish(z.record(z.string(), z.unknown())),
    seq: z.optional(seq),
    at: z.optional(timestamp),
  }),
  maxBodyBytes: MAX_CHUNK_BYTES * 2,
  reply: z.object({ ok, ...received }),
  errors: fenced,
  paced: false,
  idempotent: true,
});

const logChunk = z.object({
  seq,
  at: z.optional(timestamp),
  stream: z.enum(TRANSCRIPT_STREAMS),
  level: z._default(z.enum(LOG_LEVELS), 'info'),
  text: z.string(),
});

export const addLogs = endpoint({
  name: 'addLogs',
  method: 'POST',
  path: '/api/cli/runner/jobs/:jobId/logs',
  summary:
    'Add output to the transcript, as lines (v0.4.4) or as numbered chunks. The answer says which chunks have arrived. Chunks can be sent again.',
  body: z.object({
    ...holder,
    lines: z.optional(z.array(z.object({ level: z.string().check(z.maxLength(16)), line: z.string() }))),
    chunks: z.optional(z.array(logChunk).check(z.maxLength(1000))),
  }),
  /** The v0.4.4 client sends all its output at once. */
  maxBodyBytes: 16 * 1024 * 1024,
  reply: z.object({ ok, accepted: z.int(), ...received }),
  errors: fenced,
  paced: false,
  idempotent: true,
});

export const completeJob = endpoint({
  name: 'completeJob',
  method: 'POST',
  path: '/api/cli/runner/jobs/:jobId/complete',
  summary: 'Deliver the result. A repeated delivery under the same lease gets the same answer.',
  body: z.object({
    ...holder,
    success: z.boolean(),
    summary: z.nullish(z.string()),
    content: z.nullish(z.string()),
    error: z.nullish(z.string()),
    failureKind: z.optional(z.enum(FAILURE_KINDS)),
  }),
  /** JSON may escape every byte of a result. The server also measures the unescaped result. */
  maxBodyBytes: 7 * MAX_RESULT_BYTES,
  reply: z.object({ ok, job: jobState }),
  errors: [...fenced, 'body_too_large'],
  paced: false,
  idempotent: true,
});

export const releaseJob = endpoint({
  name: 'releaseJob',
  method: 'POST',
  path: '/api/cli/runner/jobs/:jobId/release',
  summary:
    'Return a job whose prompt had no effect. The job gets its old place in the queue, and the attempt does not count.',
  body: z.object({
    machineId: machineIdField,
    leaseId: z.string().check(z.minLength(1), z.maxLength(200)),
    reason: z.enum(RELEASE_REASONS),
    message: z.nullish(words),
    /**
     * The time in ms (0 to 31 days) after which the job may be claimed again, unless it expires earlier. After
     * `session_in_use`, a later request of the same holder may shorten this time.
     */
    retryAfterMs: z.nullish(z.int().check(z.minimum(0), z.maximum(MAX_RETRY_AFTER_MS))),
  }),
  /**
   * `job` is the current job. After a repeated request, another machine may already hold it. `retryAt` is the time from which
   * the job may be claimed. It is absent if the job may be claimed now or is held.
   */
  reply: z.object({ ok, job: jobState, retryAt: absentable }),
  errors: fenced,
  paced: false,
  idempotent: true,
  capability: 'release',
});
