/**
 * A small model of the queue of one account: what every call must answer and leave behind. It knows no database, no
 * object and no messages; time is a number. Only what the real side may choose (jitter, lease ids) is taken over from it.
 */

import type { LeaseLossPolicy } from '../../../spec/job/kinds.ts';
import { DEFAULT_EXPIRY_MS } from '../../../spec/job/kinds.ts';
import { isRedeliverable, judgeLease, LEASE_MS } from '../../../spec/job/lease.ts';
import { FREE_RELEASES, RELEASE_PAUSE_MS } from '../../../spec/job/release.ts';
import type { JobTarget, Route, SyncedProject } from '../../../spec/job/routing.ts';
import { routesFor } from '../../../spec/job/routing.ts';
import type { JobStatus } from '../../../spec/job/status.ts';
import { HELD_STATUSES, isLeased, isTerminal } from '../../../spec/job/status.ts';

export interface ModelLease {
  leaseId: string;
  machineId: string;
  claimId: string;
  session: string;
  claimedAt: number;
  /** As the machine's object counts it. */
  deadline: number;
  /** The object remembers that deadline; otherwise it knows only what D1 was told. */
  remembered: boolean;
  /** What D1 was told last. */
  recordedUntil: number;
}

export interface ModelJob {
  id: string;
  priority: number;
  policy: LeaseLossPolicy;
  maxAttempts: number;
  target: JobTarget;
  status: JobStatus;
  attempt: number;
  attemptsUsed: number;
  leaseCount: number;
  availableAt: number;
  expiresAt: number;
  /** The latest attempt's, also after its end. */
  lease: ModelLease | undefined;
  content: string | undefined;
  /** How often an agent was let loose on it, and how often a person asked for that again. */
  starts: number;
  retries: number;
  /** Every line that was accepted, in order. */
  lines: string[];
}

export interface Model {
  now: number;
  jobs: ModelJob[];
  projects: SyncedProject[];
  /** Every lease ever handed out, with its job. */
  leases: {
    leaseId: string;
    machineId: string;
    claimId: string;
    jobId: string;
    lines: number;
    /** It ended before its agent had any effect. */
    isReleased: boolean;
  }[];
  layers: { alarm: boolean; cron: boolean };
}

export function isHeld(job: ModelJob): boolean {
  return (HELD_STATUSES as readonly JobStatus[]).includes(job.status);
}

/** When the lease ends for a sweep, as far as the object still knows. */
export function endOf(lease: ModelLease): number {
  return lease.remembered ? lease.deadline : lease.recordedUntil;
}

export function holderOf(model: Model, leaseId: string): ModelJob | undefined {
  return model.jobs.find((job) => job.lease?.leaseId === leaseId);
}

export type ExpectedPoll =
  /** The very same lease. */
  | { kind: 'repeat'; job: ModelJob }
  /** A job that was handed out and never started, under a new lease. */
  | { kind: 'redeliver'; jobs: ModelJob[] }
  | { kind: 'claim'; job: ModelJob; route: Route }
  | { kind: 'idle' };

/** What a poll of a machine must bring. */
export function expectPoll(model: Model, machineId: string, claimId: string): ExpectedPoll {
  const own = model.jobs.filter(
    ({ status, lease }) =>
      status === 'dispatched' && lease?.machineId === machineId && lease.recordedUntil > model.now,
  );
  const same = own.find((job) => job.lease?.claimId === claimId);
  if (same !== undefined) return { kind: 'repeat', job: same };
  const unstarted = own.filter(({ status, lease }) =>
    isRedeliverable({ status, claimedAt: lease?.claimedAt ?? 0 }, model.now),
  );
  if (unstarted.length > 0) return { kind: 'redeliver', jobs: unstarted };

  const busy = new Set(model.jobs.filter(isHeld).map((job) => job.lease?.session));
  const queue = model.jobs
    .filter((job) => job.status === 'queued' && job.availableAt <= model.now && job.expiresAt > model.now)
    .sort((a, b) => b.priority - a.priority || (a.id < b.id ? -1 : 1));
  for (const job of queue) {
    const route = routesFor(job.target, model.projects).find(
      (one) => one.machineId === machineId && !busy.has(one.codexSessionId),
    );
    if (route !== undefined) return { kind: 'claim', job, route };
  }
  return { kind: 'idle' };
}

export function claimed(
  model: Model,
  job: ModelJob,
  lease: Pick<ModelLease, 'leaseId' | 'machineId' | 'claimId' | 'session'>,
): void {
  const { now } = model;
  job.status = 'dispatched';
  job.attempt += 1;
  job.attemptsUsed += 1;
  job.leaseCount += 1;
  job.lease = {
    ...lease,
    claimedAt: now,
    deadline: now + LEASE_MS,
    recordedUntil: now + LEASE_MS,
    remembered: true,
  };
  model.leases.push({ ...lease, jobId: job.id, lines: 0, isReleased: false });
}

/** Handed out again: a new lease, whose end stays where it was. */
export function redelivered(model: Model, job: ModelJob, lease: { leaseId: string; claimId: string }): void {
  if (job.lease === undefined) return;
  job.lease = { ...job.lease, ...lease, deadline: job.lease.recordedUntil, remembered: true };
  model.leases.push({ ...job.lease, jobId: job.id, lines: 0, isReleased: false });
}

/** A start, a heartbeat, a resume: the lease begins anew. */
export function renewed(model: Model, job: ModelJob): void {
  if (job.lease === undefined) return;
  job.lease.deadline = model.now + LEASE_MS;
  job.lease.remembered = true;
}

/** The agent is let loose. */
export function started(model: Model, job: ModelJob): void {
  job.status = 'running';
  job.starts += 1;
  renewed(model, job);
}

export function forgotten(model: Model, machineId: string): void {
  for (const { lease } of model.jobs) if (lease?.machineId === machineId) lease.remembered = false;
}

/** What a sweep makes of the leases of one machine, or of all. The pause before a requeue is left to the real side. */
export function swept(model: Model, machineId?: string): void {
  for (const job of model.jobs) {
    const { lease } = job;
    if (lease === undefined || !isLeased(job.status)) continue;
    if (machineId !== undefined && lease.machineId !== machineId) continue;
    const verdict = judgeLease(
      { ...job, onLeaseLoss: job.policy, leaseExpiresAt: endOf(lease) },
      model.now,
      0.5,
    );
    switch (verdict.kind) {
      case 'release':
        released(model, job);
        break;
      case 'requeue':
        requeue(job);
        job.availableAt = verdict.availableAt;
        break;
      case 'exhaust':
        job.status = 'failed';
        break;
      case 'hold':
        job.status = 'lost';
        break;
      case 'keep':
        break;
    }
  }
}

/** The holder gives it back; the agent had no effect, so a start does not count either. */
export function returned(model: Model, job: ModelJob): void {
  if (job.leaseCount - job.attempt >= FREE_RELEASES) job.availableAt = model.now + RELEASE_PAUSE_MS;
  if (job.status !== 'dispatched') job.starts -= 1;
  released(model, job);
}

function released(model: Model, job: ModelJob): void {
  const ended = model.leases.find((lease) => lease.leaseId === job.lease?.leaseId);
  if (ended !== undefined) ended.isReleased = true;
  job.attempt -= 1;
  job.attemptsUsed -= 1;
  requeue(job);
}

/** One run of cron: what it ends and what it reclaims was decided by one look, so no job is moved twice. */
export function cronRan(model: Model): void {
  for (const job of model.jobs) {
    if (job.status === 'queued' && job.expiresAt <= model.now) job.status = 'failed';
  }
  swept(model);
}

export function retried(model: Model, job: ModelJob): void {
  requeue(job);
  job.attemptsUsed = 0;
  job.availableAt = model.now;
  job.expiresAt = Math.max(job.expiresAt, model.now + DEFAULT_EXPIRY_MS);
  job.retries += 1;
}

function requeue(job: ModelJob): void {
  job.status = 'queued';
  job.lease = undefined;
  job.content = undefined;
}

export function liveJobs(model: Model): ModelJob[] {
  return model.jobs.filter((job) => !isTerminal(job.status));
}
