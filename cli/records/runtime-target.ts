/**
 * Which recorded job `runner cancel` and `runner retry` mean (contract/cli-surface.md §5.9). A lease is only ever taken
 * from the record of the very job it belongs to: an order for one job must never carry the lease of another.
 */

import type { RuntimeJob } from '../../spec/local/runner-runtime.ts';

/** What one repository has recorded. */
export interface RecordedWork {
  root: string;
  activeJob: RuntimeJob;
  lastJob: RuntimeJob;
}

export interface OrderTarget {
  jobId: string;
  /** Absent: the order is given as the owner of the job, without a lease. */
  leaseId: string | undefined;
  /** The repository whose record it is; absent when none has recorded the job. */
  root: string | undefined;
  source: 'active_runtime' | 'last_job' | 'explicit';
}

export interface OrderRequest {
  jobId: string | undefined;
  leaseId: string | undefined;
  /** A finished job may be retried, not cancelled. */
  mayBeLast: boolean;
}

/** Undefined: nothing is recorded that could be meant. */
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

/** Active jobs of all roots first, then the last ones. */
function recordsOf(works: readonly RecordedWork[], mayBeLast: boolean) {
  const active = works.map(({ root, activeJob }) => ({
    root,
    job: activeJob,
    source: 'active_runtime' as const,
  }));
  const last = works.map(({ root, lastJob }) => ({ root, job: lastJob, source: 'last_job' as const }));
  return [...active, ...(mayBeLast ? last : [])].filter(({ job }) => job.job_id !== undefined);
}
