/** The holder's own moves: start and deliver. Each is one guarded write; a repeat under the same lease answers the same. */

import type { Result } from '../../spec/errors.ts';
import { accept, refuse } from '../../spec/errors.ts';
import type { FailureKind } from '../../spec/job/kinds.ts';
import { MAX_RESULT_BYTES, SUMMARY_LENGTH } from '../../spec/job/kinds.ts';
import type { Deps } from '../deps.ts';
import type { Outcome } from '../store/job-moves.ts';
import { finishIfHeld, startIfHeld } from '../store/job-moves.ts';
import type { JobRow } from '../store/job-row.ts';
import { respondTo } from './checkpoints.ts';
import type { Fenced, Holder } from './fence.ts';
import { jobUnderLease, wrongStatus } from './fence.ts';
import type { SignedIn } from './sign-in.ts';

export interface Start {
  jobId: string;
  holder: Holder;
}

export async function startJob(
  deps: Deps,
  user: SignedIn,
  { jobId, holder, instance }: Start & { instance: string | undefined },
): Promise<Result<JobRow, Fenced>> {
  const key = { userId: user.id, id: jobId };
  const started =
    holder.leaseId &&
    (await startIfHeld(deps.db, key, {
      leaseId: holder.leaseId,
      machineId: holder.machineId,
      instance,
      now: deps.now,
    }));
  if (started) {
    deps.log('job_started', { jobId, machineId: holder.machineId, leaseId: holder.leaseId ?? undefined });
    return accept(started);
  }
  const read = await jobUnderLease(deps, user, { jobId, holder });
  const result = read.ok ? repeatOfStart(read.value, instance) : read;
  if (!result.ok)
    deps.log('start_refused', { jobId, machineId: holder.machineId, code: result.refusal.code });
  return result;
}

/** The same run may say it again; another run of the machine must not start what is started, or is not its own. */
function repeatOfStart(
  job: JobRow,
  instance: string | undefined,
): Result<JobRow, 'wrong_status' | 'lease_lost'> {
  if (instance && job.instance && instance !== job.instance) {
    return refuse(
      'lease_lost',
      `Job ${job.id} was handed to another run of this machine.`,
      'Stop working on it; the other run has it.',
    );
  }
  return job.status === 'running' ? accept(job) : wrongStatus(job);
}

export interface Delivery extends Start {
  success: boolean;
  summary?: string | null | undefined;
  content?: string | null | undefined;
  error?: string | null | undefined;
  failureKind?: FailureKind | undefined;
}

export async function completeJob(
  deps: Deps,
  user: SignedIn,
  delivery: Delivery,
): Promise<Result<JobRow, Fenced | 'body_too_large'>> {
  if (bytesOf(delivery.content) > MAX_RESULT_BYTES || bytesOf(delivery.error) > MAX_RESULT_BYTES) {
    return refuse(
      'body_too_large',
      `A result may have at most ${MAX_RESULT_BYTES} bytes.`,
      'Cut it with a visible mark, and keep the whole on disk.',
    );
  }
  const key = { userId: user.id, id: delivery.jobId };
  const outcome = outcomeOf(deps, delivery);

  const results = await deps.db.batch([finishIfHeld(key, outcome), respondTo(deps, key, outcome)]);
  const finished = results[0]?.rows[0] as JobRow | undefined;
  if (finished === undefined) return note(deps, delivery, await whyNotFinished(deps, user, delivery));

  deps.log('job_finished', {
    jobId: delivery.jobId,
    status: finished.status,
    machineId: delivery.holder.machineId,
  });
  await forget(deps, user, delivery);
  return accept(finished);
}

/** The object drops the lease, and looks again: the session is free. A lost call only costs time. */
async function forget(deps: Deps, user: SignedIn, { jobId, holder }: Delivery): Promise<void> {
  await deps.machines
    .call({ userId: user.id, machineId: holder.machineId }, async (stub) =>
      stub.forget({ jobId, leaseId: holder.leaseId ?? '' }),
    )
    .catch((error: unknown) => deps.log('object_not_told', { jobId, message: String(error) }));
}

/** Nothing was written: it is a repeat, or the lease does not hold the job. */
async function whyNotFinished(
  deps: Deps,
  user: SignedIn,
  delivery: Delivery,
): Promise<Result<JobRow, Fenced>> {
  const read = await jobUnderLease(deps, user, delivery);
  return read.ok ? repeatOf(read.value, delivery) : read;
}

/** The same delivery again is answered the same; another one does not change an end. */
function repeatOf(job: JobRow, delivery: Delivery): Result<JobRow, 'wrong_status'> {
  return job.status === (delivery.success ? 'completed' : 'failed') ? accept(job) : wrongStatus(job);
}

function note<T>(deps: Deps, { jobId, holder }: Delivery, result: Result<T, Fenced>): Result<T, Fenced> {
  if (!result.ok)
    deps.log('complete_refused', { jobId, machineId: holder.machineId, code: result.refusal.code });
  return result;
}

function outcomeOf(deps: Deps, delivery: Delivery): Outcome {
  const { success } = delivery;
  return {
    leaseId: delivery.holder.leaseId ?? '',
    machineId: delivery.holder.machineId,
    now: deps.now,
    success,
    summary: delivery.summary?.slice(0, SUMMARY_LENGTH) || undefined,
    content: delivery.content ?? undefined,
    error: success ? undefined : delivery.error || 'The runner reported a failure without a reason.',
    failureKind: success ? undefined : (delivery.failureKind ?? 'agent_error'),
  };
}

function bytesOf(text: string | null | undefined): number {
  return text ? new TextEncoder().encode(text).byteLength : 0;
}
