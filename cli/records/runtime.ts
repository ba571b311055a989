/**
 * The four moves of `LINK/runtime.json`: claim → start → heartbeat … → finish. Each move is one locked read-modify-write. Every move
 * except the claim names its job and lease, so that a late move changes nothing. A job that runs beside the active one is recorded
 * when it ends.
 */

import type { RunnerRuntime, RuntimeJob } from '../../spec/local/runner-runtime.ts';
import {
  type FinishStatus,
  RECENT_EVENTS_KEPT,
  type RuntimeStatus,
  SCHEMA_VERSION,
} from '../../spec/local/vocabulary.ts';
import { writeJsonFile } from '../files/json-file.ts';
import { withLock } from '../files/lock.ts';
import { formatTimestamp } from '../files/timestamps.ts';
import { type LinkableRepository, linkFolder, runtimePath } from '../git/repository.ts';
import { hasJob, normaliseEvent, normaliseJob, readRuntime } from './runtime-record.ts';

/** The job and lease that a change is for. An empty value matches any job or lease, as in v0.4.4. */
export interface RuntimeFence {
  jobId?: string | undefined;
  leaseId?: string | undefined;
}

/** The facts of a claimed job. */
export type ClaimedWork = Pick<
  RuntimeJob,
  | 'job_id'
  | 'job_kind'
  | 'lease_id'
  | 'checkpoint_id'
  | 'idea_id'
  | 'world_id'
  | 'project_root'
  | 'lease_expires_at_utc'
>;

export interface FinishedWork {
  status: FinishStatus;
  summary?: string | undefined;
  error?: string | undefined;
}

/** Records a claimed job. Overwrites the active job, because the server decides who holds which job. */
export function recordClaim(repository: LinkableRepository, work: ClaimedWork, now: number) {
  return changeRuntime(repository, now, () => {
    const at = formatTimestamp(now);
    const job: RuntimeJob = {
      ...work,
      project_root: work.project_root ?? repository.root,
      repo_root: repository.root,
      status: 'claimed',
      claimed_at_utc: at,
      last_heartbeat_at_utc: at,
    };
    return { status: 'claimed', job, message: `claimed ${work.job_kind ?? 'job'}` };
  });
}

/** Records that the agent starts in a session. */
export function recordStart(
  repository: LinkableRepository,
  work: RuntimeFence & { orpSessionId: string; codexSessionId: string },
  now: number,
) {
  return changeRuntime(repository, now, (runtime) => {
    if (!isMeant(runtime, work)) return undefined;
    const at = formatTimestamp(now);
    const job: RuntimeJob = {
      ...runtime.active_job,
      orp_session_id: work.orpSessionId,
      codex_session_id: work.codexSessionId,
      status: 'running',
      started_at_utc: at,
      last_heartbeat_at_utc: at,
    };
    return { status: 'running', job, message: `started in session ${work.orpSessionId}` };
  });
}

/** Records a heartbeat of the active job, with the new expiry of a renewed lease. */
export function recordHeartbeat(
  repository: LinkableRepository,
  work: RuntimeFence & { leaseExpiresAt?: number | undefined },
  now: number,
) {
  return changeRuntime(repository, now, (runtime) => {
    if (!isMeant(runtime, work)) return undefined;
    const job: RuntimeJob = {
      ...runtime.active_job,
      status: 'running',
      last_heartbeat_at_utc: formatTimestamp(now),
    };
    if (work.leaseExpiresAt !== undefined) job.lease_expires_at_utc = formatTimestamp(work.leaseExpiresAt);
    return { status: 'running', job, event: 'heartbeat', message: 'heartbeat' };
  });
}

/** Records the end of the active job, which becomes the last job. */
export function recordFinish(repository: LinkableRepository, work: RuntimeFence & FinishedWork, now: number) {
  return changeRuntime(repository, now, (runtime) => {
    if (!isMeant(runtime, work)) return undefined;
    const finished: RuntimeJob = {
      ...runtime.active_job,
      status: work.status,
      summary: work.summary,
      error: work.error,
      finished_at_utc: formatTimestamp(now),
    };
    const message = work.summary || work.error || `job ${work.status}`;
    return { status: 'idle', job: {}, finished, event: work.status, message };
  });
}

/** Records the end of a job that ran beside the active one. The active job stays. */
export function recordAside(
  repository: LinkableRepository,
  work: ClaimedWork,
  { status, summary, error }: FinishedWork,
) {
  const now = Date.now();
  return changeRuntime(repository, now, (runtime) => {
    const finished: RuntimeJob = {
      ...work,
      repo_root: repository.root,
      status,
      summary,
      error,
      finished_at_utc: formatTimestamp(now),
    };
    const message = summary || error || `job ${status}`;
    return { status: runtime.status, job: runtime.active_job, finished, event: status, message };
  });
}

interface Move {
  status: RuntimeStatus;
  /** The active job after the move. */
  job: RuntimeJob;
  /** The job that the move ended. */
  finished?: RuntimeJob;
  /** Name of the event (default: the new status). */
  event?: string;
  message: string;
}

/** The result of a move. `isApplied` is false if it named another job or lease. */
export interface RuntimeChange {
  runtime: RunnerRuntime;
  isApplied: boolean;
}

function changeRuntime(
  repository: LinkableRepository,
  now: number,
  decide: (runtime: RunnerRuntime) => Move | undefined,
): Promise<RuntimeChange> {
  return withLock(linkFolder(repository), () => {
    const { runtime } = readRuntime(repository);
    const move = decide(runtime);
    if (move === undefined) return { runtime, isApplied: false };
    const next = applyMove(runtime, move, now);
    writeJsonFile(runtimePath(repository), next, { now });
    return { runtime: next, isApplied: true };
  });
}

function applyMove(runtime: RunnerRuntime, move: Move, now: number): RunnerRuntime {
  const at = formatTimestamp(now);
  const subject = move.finished ?? move.job;
  const event = normaliseEvent({
    timestamp_utc: at,
    status: move.event ?? move.status,
    job_id: subject.job_id,
    lease_id: subject.lease_id,
    message: move.message,
  });
  return {
    schema_version: SCHEMA_VERSION,
    status: move.status,
    updated_at_utc: at,
    active_job: normaliseJob(move.job),
    last_job: move.finished === undefined ? runtime.last_job : normaliseJob(move.finished),
    recent_events: [...runtime.recent_events, event].slice(-RECENT_EVENTS_KEPT),
  };
}

/** Returns whether the active job is the given one. */
function isMeant(runtime: RunnerRuntime, fence: RuntimeFence): boolean {
  const job = runtime.active_job;
  return hasJob(job) && agrees(job.job_id, fence.jobId) && agrees(job.lease_id, fence.leaseId);
}

function agrees(a: string | undefined, b: string | undefined): boolean {
  return !a || !b || a === b;
}

/*
 * Finds the recorded job for `runner cancel` and `runner retry`. The lease always comes from the record of the same job: an
 * order for one job must never carry the lease of another.
 */

/** The record of one repository. */
export interface RecordedWork {
  root: string;
  activeJob: RuntimeJob;
  lastJob: RuntimeJob;
}

export interface OrderTarget {
  jobId: string;
  /** If absent, the order uses the rights of the job's owner, without a lease. */
  leaseId: string | undefined;
  /** The repository of the record. Absent if no repository has a record of the job. */
  root: string | undefined;
  source: 'active_runtime' | 'last_job' | 'explicit';
}

export interface OrderRequest {
  jobId: string | undefined;
  leaseId: string | undefined;
  /** Finished jobs can be retried, but not cancelled. */
  mayBeLast: boolean;
}

/** Returns undefined if no record matches. */
export function findOrderTarget(
  request: OrderRequest,
  works: readonly RecordedWork[],
): OrderTarget | undefined {
  const records = recordsOf(works, request.mayBeLast);
  if (request.jobId !== undefined) {
    const record = records.find(({ job }) => job.job_id === request.jobId);
    return {
      jobId: request.jobId,
      leaseId: request.leaseId ?? record?.job.lease_id,
      root: record?.root,
      source: 'explicit',
    };
  }
  const meant = records.find(({ job }) => request.leaseId === undefined || job.lease_id === request.leaseId);
  if (meant?.job.job_id === undefined) return undefined;
  return { jobId: meant.job.job_id, leaseId: meant.job.lease_id, root: meant.root, source: meant.source };
}

/** Active jobs of all roots first, then last jobs. */
function recordsOf(works: readonly RecordedWork[], mayBeLast: boolean) {
  const active = works.map(({ root, activeJob }) => ({
    root,
    job: activeJob,
    source: 'active_runtime' as const,
  }));
  const last = works.map(({ root, lastJob }) => ({ root, job: lastJob, source: 'last_job' as const }));
  return [...active, ...(mayBeLast ? last : [])].filter(({ job }) => job.job_id !== undefined);
}
