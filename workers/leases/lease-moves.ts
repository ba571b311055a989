/**
 * Start and complete, sent by the holder of a lease. Each is one guarded write. A repeated call under the same lease gets the
 * same answer.
 */

import { BOUNDS, utf8Length } from '../../spec/bounds.ts';
import type { Result } from '../../spec/errors.ts';
import { accept, refuse } from '../../spec/errors.ts';
import type { UserId } from '../../spec/ids.ts';
import type { Completion, FailureKind } from '../../spec/job/kinds.ts';
import { MAX_RESULT_BYTES, SUMMARY_LENGTH } from '../../spec/job/kinds.ts';
import { leaseExpiry } from '../../spec/job/lease.ts';
import { cut, cutToBytes } from '../../spec/text.ts';
import type { SignedIn } from '../accounts/authenticate.ts';
import type { Deps } from '../base/deps.ts';
import type { Fenced } from '../base/machine-api.ts';
import { sharersIn, wakeMachines } from '../base/notify.ts';
import type { Holder } from '../jobs/fence.ts';
import { jobUnderLease, wrongStatus } from '../jobs/fence.ts';
import { respondTo } from '../reviews/checkpoints.ts';
import { auditOrder } from '../store/audit.ts';
import { type Statement, sql } from '../store/database.ts';
import type { JobKey } from '../store/guard.ts';
import type { Outcome } from '../store/job-moves.ts';
import { finishIfHeld, startIfHeld } from '../store/job-moves.ts';
import type { JobRow } from '../store/job-row.ts';
import { readSharers } from '../store/linked-projects.ts';

export interface Start {
  jobId: string;
  holder: Holder;
}

export async function startJob(
  deps: Deps,
  user: SignedIn,
  { jobId, holder }: Start,
): Promise<Result<JobRow, Fenced>> {
  const key = { userId: user.id, id: jobId };
  const started =
    holder.leaseId &&
    (await startIfHeld(deps.db, key, {
      leaseId: holder.leaseId,
      machineId: holder.machineId,
      now: deps.now,
      expiresAt: leaseExpiry(deps.now),
    }));
  if (started) {
    deps.log('job_started', { jobId, machineId: holder.machineId, leaseId: holder.leaseId ?? undefined });
    return accept(started);
  }
  const read = await jobUnderLease(deps, user, { jobId, holder });
  const result = read.ok && read.value.status !== 'running' ? wrongStatus(read.value) : read;
  if (!result.ok) deps.log('start_refused', { jobId, ...idsOf(holder), code: result.refusal.code });
  return result;
}

export interface Delivery extends Start {
  success: boolean;
  summary?: string | null | undefined;
  content?: string | null | undefined;
  error?: string | null | undefined;
  failureKind?: FailureKind | undefined;
  /** The address and the program of the runner, for the audit log. */
  source?: string;
}

export async function completeJob(
  deps: Deps,
  user: SignedIn,
  delivery: Delivery,
): Promise<Result<JobRow, Fenced | 'body_too_large'>> {
  if (utf8Length(delivery.content ?? '') > MAX_RESULT_BYTES) {
    deps.log('complete_refused', {
      jobId: delivery.jobId,
      ...idsOf(delivery.holder),
      code: 'body_too_large',
    });
    return refuse(
      'body_too_large',
      `A result may have at most ${MAX_RESULT_BYTES} bytes.`,
      'Cut it with a visible mark, and keep the complete text on disk.',
    );
  }
  const key = { userId: user.id, id: delivery.jobId };
  const outcome = outcomeOf(deps, delivery);

  const results = await deps.db.batch([
    finishIfHeld(key, outcome),
    ...Object.values(COMPLETIONS).flatMap((completion) => completion(deps, key, outcome)),
    ...(outcome.failureKind === 'policy_denied' ? [auditPolicyRefusal(key, outcome, delivery)] : []),
    readSharers(user.id, delivery.jobId),
  ]);
  const finished = results[0]?.rows[0] as JobRow | undefined;
  if (finished === undefined) {
    const repeat = await whyNotFinished(deps, user, delivery);
    // The client repeats the call because the answer was lost. The notification of the object may be lost, too, so repeat it.
    if (repeat.ok) await forget(deps, user, delivery);
    return note(deps, delivery, repeat);
  }

  deps.log('job_finished', {
    jobId: delivery.jobId,
    status: finished.status,
    machineId: delivery.holder.machineId,
  });
  await forget(deps, user, delivery);
  wakeMachines(deps, user.id, sharersIn(results.at(-1)));
  return accept(finished);
}

/**
 * The statements of each `completion` in the table of kinds, for the batch that finishes a job. Only the database knows the
 * kind of the job, so each statement has a guard for the kind.
 */
const COMPLETIONS: Record<Completion, (deps: Deps, key: JobKey, outcome: Outcome) => Statement[]> = {
  answer: () => [],
  review: (deps, key, outcome) => [respondTo(deps, key, outcome)],
};

/**
 * Adds the refusal by a policy to the audit log, if this delivery ended the job. Only the name of the rule is kept, because a
 * runner chooses the rest of the text.
 */
function auditPolicyRefusal(key: JobKey, { now, leaseId, error }: Outcome, { source }: Delivery): Statement {
  const rule = /\(rule ([a-z_]{1,40})\)/.exec(error ?? '')?.[1];
  return auditOrder(
    {
      at: now,
      userId: key.userId as UserId,
      actor: key.userId,
      source: source ?? 'unknown',
      action: 'policy_denied',
      subject: key.id,
      detail: rule && `rule ${rule}`,
    },
    sql`EXISTS (SELECT 1 FROM jobs WHERE user_id = ${key.userId} AND id = ${key.id} AND lease_id = ${leaseId}
      AND failure_kind = 'policy_denied' AND finished_at = ${now})`,
  );
}

/** Tells the object to drop the lease and read the queue, because the session is free. A lost call only causes a delay. */
async function forget(deps: Deps, user: SignedIn, { jobId, holder }: Delivery): Promise<void> {
  await deps.machines.tell({ userId: user.id, machineId: holder.machineId }, async (stub) =>
    stub.forget({ jobId, leaseId: holder.leaseId ?? '' }),
  );
}

/** Explains why nothing was written: the call is a repeat, or the lease does not hold the job. */
async function whyNotFinished(
  deps: Deps,
  user: SignedIn,
  delivery: Delivery,
): Promise<Result<JobRow, Fenced>> {
  const read = await jobUnderLease(deps, user, delivery);
  return read.ok ? repeatOf(read.value, delivery) : read;
}

/** Answers a second delivery. The same delivery gets the same answer. A different delivery is refused. */
function repeatOf(job: JobRow, delivery: Delivery): Result<JobRow, 'wrong_status'> {
  return job.status === (delivery.success ? 'completed' : 'failed') ? accept(job) : wrongStatus(job);
}

function note<T>(deps: Deps, { jobId, holder }: Delivery, result: Result<T, Fenced>): Result<T, Fenced> {
  if (!result.ok) deps.log('complete_refused', { jobId, ...idsOf(holder), code: result.refusal.code });
  return result;
}

/** The ids for log lines. */
function idsOf({ machineId, leaseId }: Holder) {
  return { machineId, leaseId: leaseId ?? undefined };
}

function outcomeOf(deps: Deps, delivery: Delivery): Outcome {
  const { success } = delivery;
  return {
    leaseId: delivery.holder.leaseId ?? '',
    machineId: delivery.holder.machineId,
    now: deps.now,
    success,
    summary: cut(delivery.summary ?? '', SUMMARY_LENGTH) || undefined,
    content: delivery.content ?? undefined,
    error: success ? undefined : errorOf(delivery),
    failureKind: success ? undefined : (delivery.failureKind ?? 'agent_error'),
  };
}

function errorOf({ error }: Delivery): string {
  if (!error) return 'The runner reported a failure without a reason.';
  if (utf8Length(error) <= BOUNDS.errorBytes) return error;
  return `${cutToBytes(error, BOUNDS.errorBytes - utf8Length(CUT))}${CUT}`;
}

const CUT = '…';
