/**
 * Finds the job that a person or a holder names, and why a guard matched no row: with an error code of the contract. Changes nothing.
 */

import type { Result } from '../../spec/errors.ts';
import { accept, refuse } from '../../spec/errors.ts';
import { isTerminal } from '../../spec/job/status.ts';
import type { SignedIn } from '../accounts/authenticate.ts';
import type { Deps } from '../base/deps.ts';
import type { Fenced } from '../base/machine-api.ts';
import type { JobRow } from '../store/job-row.ts';
import { findJob, findJobOfAnyone, hadLease } from '../store/jobs.ts';

/** Finds a job of the person. An operator may find the jobs of every account. */
export async function findForPerson(deps: Deps, user: SignedIn, jobId: string): Promise<JobRow | undefined> {
  const own = await findJob(deps.db, user.id, jobId);
  return own ?? (user.role === 'operator' ? await findJobOfAnyone(deps.db, jobId) : undefined);
}

/** The machine that reports on a job, and its lease. */
export interface Holder {
  machineId: string;
  leaseId: string | null | undefined;
}

/** Returns the job if its current lease is the holder's lease, whatever its status. */
export async function jobUnderLease(
  deps: Deps,
  user: Pick<SignedIn, 'id'>,
  { jobId, holder }: { jobId: string; holder: Holder },
): Promise<Result<JobRow, Fenced>> {
  const job = await findJob(deps.db, user.id, jobId);
  if (job === undefined) return noJob(jobId);
  if (job.leaseId !== null && job.leaseId === holder.leaseId && job.machineId === holder.machineId)
    return accept(job);
  deps.log('lease_mismatch', { jobId, machineId: holder.machineId, leaseId: holder.leaseId ?? undefined });
  return explainMismatch(deps, job, holder);
}

/** Refuses with `lease_lost` if this machine had the lease before, and with `foreign_machine` if it never had a lease. */
async function explainMismatch(deps: Deps, job: JobRow, holder: Holder): Promise<Result<never, Fenced>> {
  const isForeign = job.machineId !== null && job.machineId !== holder.machineId;
  if (isForeign && !(await hadLease(deps.db, job, holder))) {
    return refuse(
      'foreign_machine',
      `Job ${job.id} is held by another machine.`,
      'Stop working on it. The server rejects all writes of this machine for this job.',
    );
  }
  if (isTerminal(job.status)) return wrongStatus(job);
  return refuse(
    'lease_lost',
    holder.leaseId
      ? `Lease ${holder.leaseId} does not hold job ${job.id}.`
      : `Job ${job.id} is held under a lease; name that lease.`,
    'Stop working on it. The server rejects writes without its lease.',
  );
}

export function wrongStatus(job: JobRow) {
  return refuse('wrong_status', `Job ${job.id} is ${job.status}.`, 'Run orp job show to see what happened.');
}

export function noJob(jobId: string) {
  return refuse('not_found', `There is no job ${jobId}.`, 'List your jobs with orp job list.');
}
