/** Whether a lease that memory does not know may still write to its transcript. */

import { RETENTION_MS } from '../../spec/contract/jobs.ts';
import type { Result } from '../../spec/errors.ts';
import { accept } from '../../spec/errors.ts';
import type { UserId } from '../../spec/ids.ts';
import type { Deps } from '../base/deps.ts';
import type { Fenced, MachineOf } from '../base/machine-api.ts';
import { jobUnderLease, wrongStatus } from '../jobs/fence.ts';
import { findJob } from '../store/jobs.ts';

/** The current lease of a job may, also after its end: the last output often follows the result. Not after a cancel. */
export async function mayAppend(
  deps: Deps,
  { userId, machineId }: MachineOf,
  { jobId, leaseId }: { jobId: string; leaseId: string },
): Promise<Result<undefined, Fenced>> {
  const job = await jobUnderLease(deps, { id: userId as UserId }, { jobId, holder: { machineId, leaseId } });
  if (!job.ok) return job;
  return job.value.status === 'cancelled' ? wrongStatus(job.value) : accept(undefined);
}

/** Whether the beginning of an attempt's transcript may have been forgotten: the lease is as old as the retention. */
export async function wasPruned(
  deps: Deps,
  { userId }: MachineOf,
  { jobId, leaseId }: { jobId: string; leaseId: string },
): Promise<boolean> {
  const job = await findJob(deps.db, userId, jobId);
  return job?.leaseId === leaseId && deps.now - (job.claimedAt ?? deps.now) >= RETENTION_MS;
}
