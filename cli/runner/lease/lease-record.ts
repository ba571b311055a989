/**
 * The record of a lease, which is the first entry in the journal of a spool. The runner creates it from a claim. A later run
 * reads it from the disk. All other code takes the lease from this record.
 */

import { join } from 'node:path';
import type { Claim } from '../job/claimed-job.ts';
import type { Held } from '../job/hosted-api.ts';
import type { WorkContext } from '../job/work-context.ts';
import type { Workplace } from '../job/workplace.ts';
import { isStillRunning } from '../process/process-table.ts';
import { folderName, spoolFolder } from '../spool/places.ts';
import type { ClaimRecord } from '../spool/records.ts';

/** Creates the record of a job that this runner has just claimed. */
export function recordOfClaim(
  { machine, service, self }: WorkContext,
  { job, lease, account }: Claim,
  workplace: Workplace | undefined,
): ClaimRecord {
  return {
    record: 'claimed',
    version: 1,
    at_utc: new Date().toISOString(),
    base_url: service.baseUrl,
    account: account && { user_id: account.userId, email: account.email },
    machine_id: machine.machine_id,
    job_id: job.id,
    job_kind: job.kind,
    lease_id: lease?.leaseId,
    checkpoint_id: job.checkpointId,
    attempt: job.attempt,
    repo_root: workplace?.root,
    orp_session_id: job.orpSessionId,
    usage: job.usage,
    runner: { pid: self.pid, start_time: self.startTime },
  };
}

/** The job and lease in the form that calls to the server use. */
export function heldOf({ job_id, lease_id, checkpoint_id, account }: ClaimRecord): Held {
  return {
    jobId: job_id,
    leaseId: lease_id,
    ...(checkpoint_id === undefined ? {} : { checkpointId: checkpoint_id }),
    ...(account === undefined ? {} : { account: { userId: account.user_id, email: account.email } }),
  };
}

/** The spool folder for a lease that this runner claims. */
export function folderOf(
  { env, machine }: Pick<WorkContext, 'env' | 'machine'>,
  { job_id, lease_id }: ClaimRecord,
): string {
  return join(spoolFolder(env, machine.machine_id), folderName(lease_id ?? job_id));
}

/** Returns whether another living runner process works on this lease. */
export async function isHeldByAnother({ runner }: ClaimRecord, { self }: WorkContext): Promise<boolean> {
  if (runner.pid === self.pid && runner.start_time === self.startTime) return false;
  return isStillRunning({ pid: runner.pid, startTime: runner.start_time });
}
