/**
 * Which lease a job is held under. The record that opens the journal of a spool is the one description of a lease: the
 * runner makes it from a claim, a later run reads it from the disk, and everything else that names the lease comes from it.
 */

import { join } from 'node:path';
import type { Claim } from '../job/claimed-job.ts';
import type { Held } from '../job/hosted-api.ts';
import type { WorkContext } from '../job/work-context.ts';
import type { Workplace } from '../job/workplace.ts';
import { isStillRunning } from '../process/process-table.ts';
import { folderName, spoolFolder } from '../spool/places.ts';
import type { ClaimRecord } from '../spool/records.ts';

/** The record of a job that this runner has just claimed. */
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

/** The job under its lease, as every call to the server names it. */
export function heldOf({ job_id, lease_id, checkpoint_id, account }: ClaimRecord): Held {
  return {
    jobId: job_id,
    leaseId: lease_id,
    ...(checkpoint_id === undefined ? {} : { checkpointId: checkpoint_id }),
    ...(account === undefined ? {} : { account: { userId: account.user_id, email: account.email } }),
  };
}

/** The folder of the spool of a lease that this runner claims. */
export function folderOf(
  { env, machine }: Pick<WorkContext, 'env' | 'machine'>,
  { job_id, lease_id }: ClaimRecord,
): string {
  return join(spoolFolder(env, machine.machine_id), folderName(lease_id ?? job_id));
}

/** Whether another runner process that is alive works on this lease. */
export async function isHeldByAnother({ runner }: ClaimRecord, { self }: WorkContext): Promise<boolean> {
  if (runner.pid === self.pid && runner.start_time === self.startTime) return false;
  return isStillRunning({ pid: runner.pid, startTime: runner.start_time });
}
