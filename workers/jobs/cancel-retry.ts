/**
 * Cancel and retry, as a person orders them. Both are final at once: the lease is revoked and its runner is notified.
 */

import { accept, type Result, refuse } from '../../spec/errors.ts';
import { routesFor } from '../../spec/job/routing.ts';
import { isHeld, isTerminal } from '../../spec/job/status.ts';
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
import { findJob, findJobOfAnyone, hadLease } from '../store/jobs.ts';
import {
  linksOf,
  readLinks,
  readSharers,
  readSharersOf,
  toSyncedProjects,
} from '../store/linked-projects.ts';
import { findMachine } from '../store/machines.ts';
import { noJob, wrongStatus } from './fence.ts';

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

/** A job of the person, or of anyone when the person is an operator. */
export async function findForPerson(deps: Deps, user: SignedIn, jobId: string): Promise<JobRow | undefined> {
  const own = await findJob(deps.db, user.id, jobId);
  return own ?? (user.role === 'operator' ? await findJobOfAnyone(deps.db, jobId) : undefined);
}

export async function cancelJob(
  deps: Deps,
  user: SignedIn,
  order: PersonsOrder & { receipt?: StopReceipt | undefined },
): Promise<Result<JobRow, Fenced>> {
  const job = await findForPerson(deps, user, order.jobId);
  if (job === undefined) return noJob(order.jobId);
  const late = await noteLateReceipt(deps, user, { job, order });
  if (late !== undefined) return accept(late);
  const named = await checkOrder(deps, user, { job, order });
  if (!named.ok) return named;

  if (job.status === 'cancelled') {
    // The answer was lost, and the notification of the object may be lost with it.
    await revoke(deps, job, 'cancelled');
    return accept(await confirm(deps, user, { job, order }));
  }
  const cancelled = await move(
    deps.db,
    cancelIfLive(job, {
      ...personOf(deps, user, order),
      by: user.email,
      // An earlier lease was accepted because no lease holds the job: that must still be true.
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

/** The guard matched nothing: the job has changed since it was read, or the same order arrived twice at once. */
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
 * The runner's receipt of what it stopped, with its lease. It is kept on the job, in its history and in its
 * transcript.
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

/** The job was retried before its runner could say what it stopped: the receipt belongs to the attempt that ended. */
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

/** Recorded once per lease: the runner repeats a receipt until it gets an answer. */
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
  /** The prompt may run twice. */
  warning: string | undefined;
}

/** `expectedAttempt`: the attempt that the person saw; a newer attempt is not taken from its runner. */
export async function retryJob(
  deps: Deps,
  user: SignedIn,
  order: PersonsOrder & { expectedAttempt?: number | undefined },
): Promise<Result<Retried, Fenced | 'record_changed' | 'limit_reached'>> {
  const job = await findForPerson(deps, user, order.jobId);
  if (job === undefined) return noJob(order.jobId);
  const seen = await checkSeen(deps, job, order.expectedAttempt);
  if (seen.kind === 'repeated') return repeatRetry(deps, job, seen.replaced);
  if (seen.kind === 'outdated') return outdated(job, seen.expected);
  const named = await checkOrder(deps, user, { job, order });
  if (!named.ok) return named;
  if (job.status === 'queued') return wrongStatus(job);
  // A retry is new work: its answer and the order itself come on top of those that are kept.
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
  return accept({ job: retried, warning: warningFor(job) });
}

/**
 * Notifies the runner that held the job, and the machines that can claim it now. `replaced`: the job as it was held,
 * if it was.
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

/** The answer was lost, and the notification of the machines may be lost with it. */
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

/** Whether the job is still as the person saw it, or their own order was carried out before. */
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
    'Show it with orp job show, and retry it if you still want to.',
  );
}

/** The guard matched nothing: the same order may have arrived twice at once. */
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

const TAKEN_BACK = 'The job was taken from its machine: the prompt may run twice.';

function warningFor(job: JobRow): string | undefined {
  if (job.status === 'lost')
    return 'Its machine stopped responding while the agent worked: the prompt may run twice.';
  if (job.status === 'running')
    return 'The job was running. Its agent is being stopped, but the prompt may run twice.';
  if (job.status === 'dispatched')
    return 'The job was dispatched. The prompt may run twice if its runner cannot be stopped in time.';
  return undefined;
}

/**
 * A named machine must be one of the person's (not necessarily the holder's: any `orp` of the owner may order); a named
 * lease must be the one on the job, or one that an ended attempt had. Such an earlier one speaks for the job only while no
 * newer attempt holds it: whoever had it knows nothing of that attempt, and a lost one may still be at work.
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
 * The machine's object drops the lease and notifies the runner. When the call is lost, the runner learns it with its
 * next heartbeat, at most half a lease later.
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
