/** A job at work whose runner left its spool behind. */

import { join } from 'node:path';
import { LeaseSpool } from '../../../../cli/runner/spool/lease-spool.ts';
import type { FakeJob, FakeService } from '../fake-hosted.ts';
import type { LinkedMachine } from '../linked-machine.ts';

export const T0 = '2026-04-01T10:00:00.000Z';
const DEAD = { pid: 1, start_time: 'another boot/1' };

export interface LeftJob {
  /** True if it has a result. */
  isDone: boolean;
  runner?: typeof DEAD;
  baseUrl?: string;
}

/** The spool of a lease. */
export function leaseFolder(machine: LinkedMachine, leaseId: string): string {
  return join(machine.home, 'state/orp/spool/mach-1', leaseId);
}

/** Leaves the spool of `job_<number>` under `lea_<number>`. */
export async function leaveJob(
  { service, machine }: { service: FakeService; machine: LinkedMachine },
  number: number,
  { isDone, runner = DEAD, baseUrl }: LeftJob,
): Promise<FakeJob> {
  const job = service.addJob(`job_${number}`, {});
  job.status = 'running';
  job.leaseId = `lea_${number}`;
  const spool = await LeaseSpool.begin(leaseFolder(machine, job.leaseId), {
    record: 'claimed',
    version: 1,
    at_utc: T0,
    base_url: baseUrl ?? service.baseUrl,
    machine_id: 'mach-1',
    job_id: job.id,
    job_kind: job.kind,
    lease_id: job.leaseId,
    attempt: 1,
    runner,
  });
  await spool.addChunk({ at: T0, stream: 'stdout', level: 'info', text: 'said' });
  if (isDone) await spool.setResult({ outcome: 'completed', finished_at_utc: T0, content: 'Done.' });
  await spool.close();
  return job;
}
