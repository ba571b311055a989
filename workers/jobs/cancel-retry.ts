/**
 * Cancel and retry by a person. Both take effect at once: the server revokes the lease and notifies the runner.
 */

import { accept, type Result, refuse } from '../../spec/errors.ts';
import { routesFor } from '../../spec/job/routing.ts';
import { isHeld, isTerminal, type JobStatus } from '../../spec/job/status.ts';
import type { SignedIn } from '../accounts/authenticate.ts';
import { checkRoom } from '../accounts/room.ts';
import type { Deps } from '../base/deps.ts';
import type { Fenced } from '../base/machine-api.ts';
import { notifyFollowers, sharersIn, wakeMachines } from '../base/notify.ts';
import { foreignMachine } from '../machines/sync.ts';
import { noteStopped } from '../store/audit.ts';
import {
  cancelIfLive,
  confirmCancel,
  findRetried,
  type Replaced,
  retryIfUnchanged,
} from '../store/job-orders.ts';
import { type JobRow, targetOf } from '../store/job-row.ts';
import { move } from '../store/job-update.ts';
import { hadLease } from '../store/jobs.ts';
import {
  linksOf,
  readLinks,
  readSharers,
  readSharersOf,
  toSyncedProjects,
} from '../store/linked-projects.ts';
import { findMachine } from '../store/machines.ts';
import { findForPerson, noJob, wrongStatus } from './fence.ts';

export interface PersonsOrder {
  jobId: string;
  machineId?: string | null | undefined;
  leaseId?: string | null | undefined;
  reason?: string | null | undefined;
  /** Where the order came from, for the audit log. */
  source: string;
}

export interface StopReceipt {
  processes: number;
  signal: string;
  tookMs: number;
  at: string;
}

export async function cancelJob(
  deps: Deps,
  user: SignedIn,
  order: PersonsOrder & { receipt?: StopReceipt | undefined },
): Promise<Result<JobRow, Fenced>> {
  const job = await findForPerson(deps, user, order.jobId);
  return job === undefined ? noJob(order.jobId) : cancelFound(deps, user, { job, order });
}

/** Cancels a job that `findForPerson` has returned. */
export async function cancelFound(
  deps: Deps,
  user: SignedIn,
  { job, order }: Cancel,
): Promise<Result<JobRow, Fenced>> {
  const late = await noteLateReceipt(deps, user, { job, order });
  if (late !== undefined) return accept(late);
  const named = await checkOrder(deps, user, { job, order });
  if (!named.ok) return named;

  if (job.status === 'cancelled') {
    // The client repeats the call because the answer was lost. The notification of the object may be lost, too, so repeat it.
    await revoke(deps, job, 'cancelled');
    return accept(await confirm(deps, user, { job, order }));
  }
  const cancelled = await move(
    deps.db,
    cancelIfLive(job, {
      ...personOf(deps, user, order),
      by: user.email,
      // An earlier lease was accepted because no lease holds the job. The guard checks that this is still true.
      leaseId: order.leaseId ? job.leaseId : undefined,
    }),
  );
  if (cancelled === undefined) return notCancelled(deps, user, { job, order });

  deps.log('job_cancelled', { jobId: job.id, by: user.id, leaseId: job.leaseId ?? undefined });
  await revoke(deps, cancelled, 'cancelled');
  const sharers = await deps.db.all<{ machineId: string }>(readSharers(job.userId, job.id));
  wakeMachines(deps, job.userId, sharers);
  return accept(await confirm(deps, user, { job: cancelled, order }));
}

/** Explains why the guard matched no row: the job has changed since it was read, or the same order arrived twice at once. */
async function notCancelled(
  deps: Deps,
  user: SignedIn,
  { job, order }: Cancel,
): Promise<Result<JobRow, Fenced>> {
  const now = (await findForPerson(deps, user, order.jobId)) ?? job;
  const named = await checkOrder(deps, user, { job: now, order });
  if (!named.ok) return named;
  return now.status === 'cancelled'
    ? accept(await confirm(deps, user, { job: now, order }))
    : wrongStatus(now);
}

interface Cancel {
  job: JobRow;
  order: PersonsOrder & { receipt?: StopReceipt | undefined };
}

/**
 * Records the runner's stop receipt, with its lease, in the job row, in the history of the job and in the transcript.
 */
async function confirm(deps: Deps, user: SignedIn, { job, order }: Cancel): Promise<JobRow> {
  if (order.receipt === undefined || !order.leaseId) return job;
  const { receipt, leaseId } = order;
  const at = { leaseId, at: deps.now, json: JSON.stringify(receipt) };
  const confirmed = await confirmCancel(deps.db, job, at);
  if (confirmed === undefined) return job;
  await noteReceipt(deps, user, { job, order: { ...order, leaseId, receipt } });
  return confirmed;
}

/** Records a receipt that arrives after a retry. It belongs to the attempt that has ended. */
async function noteLateReceipt(
  deps: Deps,
  user: SignedIn,
  { job, order }: Cancel,
): Promise<JobRow | undefined> {
  const { leaseId, receipt, machineId } = order;
  if (!receipt || !leaseId || !machineId || leaseId === job.leaseId) return undefined;
  if (!(await hadLease(deps.db, job, { machineId, leaseId }))) return undefined;
  await noteReceipt(deps, user, { job: { ...job, machineId }, order: { ...order, leaseId, receipt } });
  return job;
}

/** Records a receipt once per lease, because the runner repeats a receipt until it gets an answer. */
async function noteReceipt(
  deps: Deps,
  user: SignedIn,
  { job, order }: { job: JobRow; order: PersonsOrder & { leaseId: string; receipt: StopReceipt } },
): Promise<void> {
  const { source, leaseId } = order;
  const text = sentenceOf(order.receipt);
  const entry = { at: deps.now, actor: user.id, source, job, leaseId, detail: text };
  if (await noteStopped(deps.db, entry))
    await tell(deps, job, (stub) => stub.appendReceipt({ jobId: job.id, leaseId, text }));
}

function personOf(deps: Deps, user: SignedIn, order: PersonsOrder) {
  return { now: deps.now, actor: user.id, source: order.source, reason: order.reason ?? undefined };
}

function sentenceOf({ processes, signal, tookMs }: StopReceipt): string {
  if (signal === 'none') return 'Cancelled: no agent was running any more.';
  const plural = processes === 1 ? 'process' : 'processes';
  return `Cancelled: ${processes} ${plural} ended by ${signal} after ${(tookMs / 1000).toFixed(1)} s.`;
}

export interface Retried {
  job: JobRow;
  /** A warning if the prompt may run twice. */
  warning: string | undefined;
}

/** Retries a job. `expectedAttempt` is the attempt that the person saw. A newer attempt stays with its runner. */
export async function retryJob(
  deps: Deps,
  user: SignedIn,
  order: PersonsOrder & { expectedAttempt?: number | undefined },
): Promise<Result<Retried, Fenced | 'record_changed' | 'limit_reached'>> {
  const job = await findForPerson(deps, user, order.jobId);
  return job === undefined ? noJob(order.jobId) : retryFound(deps, user, { job, order });
}

/** Retries a job that `findForPerson` has returned. */
export async function retryFound(
  deps: Deps,
  user: SignedIn,
  { job, order }: { job: JobRow; order: PersonsOrder & { expectedAttempt?: number | undefined } },
): Promise<Result<Retried, Fenced | 'record_changed' | 'limit_reached'>> {
  const seen = await checkSeen(deps, job, order.expectedAttempt);
  if (seen.kind === 'repeated') return repeatRetry(deps, job, seen.replaced);
  if (seen.kind === 'outdated') return outdated(job, seen.expected);
  const named = await checkOrder(deps, user, { job, order });
  if (!named.ok) return named;
  if (job.status === 'queued') return wrongStatus(job);
  // A retry counts as new work for the limits, because it adds an answer and an event.
  const queuedJobs = isTerminal(job.status) ? 1 : 0;
  const room = await checkRoom(deps, job.userId, { queuedJobs, storedBytes: 1 });
  if (!room.ok) return room;

  const retried = await move(deps.db, retryIfUnchanged(job, job, personOf(deps, user, order)));
  if (retried === undefined) return notRetried(deps, user, { job, order });

  deps.log(job.attempt >= 3 ? 'job_retried_repeatedly' : 'job_retried', {
    jobId: job.id,
    by: user.id,
    attempt: job.attempt,
    machineId: job.machineId ?? undefined,
    leaseId: job.leaseId ?? undefined,
  });
  await announceRetry(deps, job, isHeld(job.status));
  return accept({ job: retried, warning: retryWarning(job.status) });
}

/**
 * Notifies the runner that held the job, and the machines that can claim it now. `replaced` is the job row before the retry.
 */
async function announceRetry(deps: Deps, replaced: JobRow, frees: boolean): Promise<void> {
  if (frees) await revoke(deps, replaced, 'revoked');
  const { userId } = replaced;
  const target = targetOf(replaced);
  const [projects, sessions, sharers] = await deps.db.batch([
    ...readLinks(userId, linksOf([target])),
    ...(frees ? [readSharersOf(userId, replaced)] : []),
  ]);
  const routes = routesFor(target, toSyncedProjects(projects, sessions));
  wakeMachines(deps, userId, [...routes, ...sharersIn(sharers)]);
}

/** Answers a repeated retry, and repeats the notifications, which may be lost like the answer. */
async function repeatRetry(deps: Deps, job: JobRow, replaced: Replaced): Promise<Result<Retried, never>> {
  const { outcome, machineId, leaseId } = replaced;
  const wasHeld = outcome === 'revoked';
  await announceRetry(deps, { ...job, machineId, leaseId }, wasHeld);
  return accept({ job, warning: wasHeld ? TAKEN_BACK : undefined });
}

type Seen =
  | { kind: 'current' }
  | { kind: 'repeated'; replaced: Replaced }
  | { kind: 'outdated'; expected: number };

/** Checks that the job is unchanged since the person saw it, or that the same order was carried out before. */
async function checkSeen(deps: Deps, job: JobRow, expected: number | undefined): Promise<Seen> {
  if (expected === undefined) return { kind: 'current' };
  const isThere = job.attempt === expected;
  if (isThere && job.status !== 'queued') return { kind: 'current' };
  const replaced = await findRetried(deps.db, job, expected);
  if (replaced !== undefined) return { kind: 'repeated', replaced };
  return isThere ? { kind: 'current' } : { kind: 'outdated', expected };
}

function outdated(job: JobRow, expected: number) {
  return refuse(
    'record_changed',
    `Job ${job.id} is at attempt ${job.attempt} and ${job.status}; the retry was for attempt ${expected}.`,
    'Run orp job show to see the job, and retry it if you still want to.',
  );
}

/** Explains why the guard matched no row: the same order may have arrived twice at once. */
async function notRetried(
  deps: Deps,
  user: SignedIn,
  { job, order }: { job: JobRow; order: PersonsOrder & { expectedAttempt?: number | undefined } },
): Promise<Result<Retried, 'wrong_status' | 'record_changed'>> {
  const now = (await findForPerson(deps, user, order.jobId)) ?? job;
  const seen = await checkSeen(deps, now, order.expectedAttempt);
  if (seen.kind === 'repeated') return repeatRetry(deps, now, seen.replaced);
  return seen.kind === 'outdated' ? outdated(now, seen.expected) : wrongStatus(now);
}

const TAKEN_BACK = 'The server took the job from its machine. The prompt may run twice.';

/** Returns a warning for a person who retries a job of this status. */
export function retryWarning(status: JobStatus): string | undefined {
  if (status === 'lost')
    return 'The machine stopped responding while the agent worked: the prompt may run twice.';
  if (status === 'running')
    return 'The job was running. Its agent is being stopped, but the prompt may run twice.';
  if (status === 'dispatched')
    return 'The job was dispatched. The prompt may run twice if its runner cannot be stopped in time.';
  return undefined;
}

/**
 * Checks the machine and the lease that an order names. The machine must belong to the person, but need not hold the job. The
 * lease must be the job's current lease, or the lease of an ended attempt. An earlier lease is accepted only while no newer
 * attempt holds the job, because its holder knows nothing about the newer attempt.
 */
async function checkOrder(
  deps: Deps,
  user: SignedIn,
  { job, order }: { job: JobRow; order: PersonsOrder },
): Promise<Result<undefined, Fenced>> {
  if (order.machineId && order.machineId !== job.machineId) {
    const machine = await findMachine(deps.db, order.machineId);
    if (machine !== undefined && machine.userId !== user.id) return foreignMachine(order.machineId);
  }
  if (!order.leaseId || order.leaseId === job.leaseId) return accept(undefined);
  const machineId = order.machineId ?? job.machineId ?? '';
  const isEarlier = await hadLease(deps.db, job, { machineId, leaseId: order.leaseId });
  if (isEarlier && !isHeld(job.status)) return accept(undefined);
  deps.log('lease_mismatch', { jobId: job.id, leaseId: order.leaseId, machineId });
  return refuse(
    'lease_lost',
    `Lease ${order.leaseId} does not hold job ${job.id}.`,
    'Omit the lease to order it as the owner of the job.',
  );
}

/**
 * Tells the machine's object to drop the lease and notify the runner. If this call is lost, the next heartbeat tells the
 * runner, at most half a lease later.
 */
async function revoke(deps: Deps, job: JobRow, reason: 'cancelled' | 'revoked'): Promise<void> {
  const { leaseId } = job;
  if (leaseId === null) return notifyFollowers(deps, job);
  await tell(deps, job, (stub) => stub.revoke({ jobId: job.id, leaseId, reason }));
}

async function tell(deps: Deps, job: JobRow, ask: Parameters<Deps['machines']['tell']>[1]): Promise<void> {
  if (job.machineId === null) return;
  await deps.machines.tell({ userId: job.userId, machineId: job.machineId }, ask);
}
