/** The routes of a runner. They accept the bodies of v0.4.4. All other fields are extensions. */

import * as z from 'zod';
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

const sha = z.string().max(128);

const linkedProject = z.object({
  ideaId: sha.min(1),
  ideaTitle: line.nullish(),
  worldId: sha.nullish(),
  worldName: line.nullish(),
  projectName: line.nullish(),
  projectRoot: projectRootField,
  githubUrl: clearable,
  lastOpenedAt: timestamp.nullish(),
});

const linkedSession = z.object({
  ideaId: sha.nullish(),
  worldId: sha.nullish(),
  projectRoot: projectRootField,
  orpSessionId: z.string().min(1).max(200),
  /** The id that the agent gave the session, whichever agent it is. */
  codexSessionId: z.string().max(200).nullish(),
  /** Extension. If absent, the server assumes `codex`. */
  agent: agentName.optional(),
  label: line,
  state: z.enum(['active', 'closed']),
  primary: z.boolean(),
  lastActiveAt: timestamp.nullish(),
  /** Extension: what the owner's policy says about prompts for the session. If absent, the server does not know. */
  policy: policyVerdict.optional(),
});

export const syncMachine = endpoint({
  name: 'syncMachine',
  method: 'POST',
  path: '/api/cli/runner/sync',
  summary:
    'Report the repositories and sessions that this machine has linked. For each listed repository, the server replaces its sessions.',
  body: z.object({
    machineId: machineIdField,
    machineName: line.min(1),
    platform: z.string().max(64).default('unknown'),
    appVersion: z.string().max(64).default('unknown'),
    syncedAt: timestamp,
    linkedProjects: z.array(linkedProject).max(500),
    sessions: z.array(linkedSession).max(5000),
    /** Extension: true if the list is complete. The server then removes all other repositories of the machine. */
    complete: z.boolean().optional(),
    /** Extension: the list is complete for these repositories. The server removes each of them that is not listed. */
    completeRoots: z.array(projectRootField).max(500).optional(),
  }),
  maxBodyBytes: 4 * 1024 * 1024,
  reply: z.object({ ok, syncedProjects: z.number(), syncedSessions: z.number() }),
  errors: ['foreign_machine', 'limit_reached'],
  idempotent: true,
});

/** A sentence of the runner. A long sentence is cut and not refused, because the rest of the request must arrive. */
const words = z.string().transform((text) => clip(oneLine(text), REASON_LENGTH));

/** Why the runner has paused claiming. */
export const machineCondition = z.object({
  code: z.enum(MACHINE_CONDITIONS),
  message: words,
  /** When the runner claims again. If absent, as soon as the agent works. */
  until: timestamp.optional(),
});

/** The attempts whose output or result waits on the disk of the runner. Running jobs do not count. */
export const spoolBacklog = z.object({
  leases: z.number().int().min(0).max(1_000_000),
  bytes: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  /** When the oldest of these attempts was last written. */
  oldestAt: timestamp.optional(),
});

export const drivenAgent = z.object({
  /** `shared_server`, `own_server` or `process`. A newer runner may name other ways. */
  way: z.string().regex(/^[a-z][a-z_]{0,31}$/, 'must be the name of a way'),
  version: z.string().max(64).optional(),
});

/** The state of a lease in a heartbeat reply. */
const leaseState = z.object({
  valid: z.boolean(),
  expiresAt: absentable,
  /** Why the lease is not valid. */
  reason: z.enum(['unknown', 'cancelled', 'revoked', 'finished', 'lost', 'foreign']).optional(),
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
    machineName: line.nullish(),
    jobId: z.string().max(200).nullish(),
    leaseId: z.string().max(200).nullish(),
    instance: z.string().max(64).nullish(),
    draining: z.boolean().optional(),
    /** Extension: why the runner claims nothing. Absent if the runner claims jobs. */
    condition: machineCondition.optional(),
    /** Extension: true while the runner asks a person whether the job may run. The job is not started yet. */
    asking: z.boolean().optional(),
    /** Extension: the results on the runner's disk that the server has not accepted. If absent, the server keeps the last report. */
    spool: spoolBacklog.optional(),
    /** Extension: how the runner drives its agent. */
    agent: drivenAgent.optional(),
  }),
  reply: z.object({ ok, lease: leaseState.optional(), drain: z.boolean().optional() }),
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
  attempt: z.number().int(),
  onLeaseLoss: z.enum(LEASE_LOSS_POLICIES),
  timeoutSeconds: z.number().int().optional(),
  createdBy: absentable,
  /** When the job expires if it has not started. */
  expiresAt: absentable,
  /** What to do at a usage limit if the job has had no effect yet. */
  onUsageLimit: z.enum(USAGE_LIMIT_POLICIES).optional(),
  /** How often the job was returned because of a usage limit since a person last queued or retried it. Absent if never. */
  usageWaits: z.number().int().optional(),
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
    fallbackReason: z.enum(FALLBACK_REASONS).optional(),
  }),
  /** The leases that may have entered the prompt since a person last queued or retried the job, newest first. */
  earlierLeases: z.array(z.string()).optional(),
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
    claimId: z.string().min(8).max(64).optional(),
    instance: z.string().max(64).optional(),
    /** Extension: return only jobs for these repositories. */
    projectRoot: repeated,
    dryRun: queryFlag,
    /** Extension: the kinds of job that the runner knows, separated by commas. If absent, the server assumes the kinds of v0.4.4. */
    kinds: announcedInQuery.optional(),
    /** Extension: the agents that the runner drives, separated by commas. If absent, the server assumes `codex`. */
    agents: announcedInQuery.optional(),
  }),
  reply: z.object({
    ok,
    job: claimedJob.nullable(),
    leaseId: absentable,
    leaseExpiresAt: absentable,
    /** With `dryRun`: the job would be claimed, but has no lease. */
    dryRun: z.boolean().optional(),
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
    claimId: z.string().min(8).max(64),
    instance: z.string().max(64).optional(),
    /** Only jobs for these repositories. If absent, jobs for any repository that the machine has synced. */
    projectRoots: z.array(projectRootField).max(BOUNDS.machineProjects).optional(),
    dryRun: z.boolean().default(false),
    /** The kinds of job that the runner knows. If absent, the server assumes the kinds of v0.4.4. */
    kinds: announced.optional(),
    /** The agents that the runner drives. If absent, `codex`. */
    agents: announced.optional(),
  }),
  maxBodyBytes: 4 * 1024 * 1024,
  reply: pollJob.reply.extend({
    /** Whether the machine is drained. An answer with this field means that the claim was also a sign of life. */
    drain: z.boolean().optional(),
  }),
  errors: ['not_found', 'foreign_machine'],
  idempotent: true,
  capability: 'claim-post',
});

/** The holder of the job. Every write of a runner names its lease id, the fencing token. */
const holder = { machineId: machineIdField, leaseId: z.string().max(200).nullish() };

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
const seq = z.number().int().min(1).max(1_000_000_000);

/** The number up to which every chunk has arrived. */
const received = { received: z.number().int() };

export const addMessage = endpoint({
  name: 'addMessage',
  method: 'POST',
  path: '/api/cli/runner/jobs/:jobId/messages',
  summary: 'Add one message to the transcript.',
  body: z.object({
    ...holder,
    sender: z.string().max(64).default('system'),
    content: z.string(),
    meta: z.record(z.string(), z.unknown()).nullish(),
    seq: seq.optional(),
    at: timestamp.optional(),
  }),
  maxBodyBytes: MAX_CHUNK_BYTES * 2,
  reply: z.object({ ok, ...received }),
  errors: fenced,
  paced: false,
  idempotent: true,
});

const logChunk = z.object({
  seq,
  at: timestamp.optional(),
  stream: z.enum(TRANSCRIPT_STREAMS),
  level: z.enum(LOG_LEVELS).default('info'),
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
    lines: z.array(z.object({ level: z.string().max(16), line: z.string() })).optional(),
    chunks: z.array(logChunk).max(1000).optional(),
  }),
  /** The v0.4.4 client sends all its output at once. */
  maxBodyBytes: 16 * 1024 * 1024,
  reply: z.object({ ok, accepted: z.number().int(), ...received }),
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
    summary: z.string().nullish(),
    content: z.string().nullish(),
    error: z.string().nullish(),
    failureKind: z.enum(FAILURE_KINDS).optional(),
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
    leaseId: z.string().min(1).max(200),
    reason: z.enum(RELEASE_REASONS),
    message: words.nullish(),
    /**
     * The time in ms (0 to 31 days) after which the job may be claimed again, unless it expires earlier. After
     * `session_in_use`, a later request of the same holder may shorten this time.
     */
    retryAfterMs: z.number().int().min(0).max(MAX_RETRY_AFTER_MS).nullish(),
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
