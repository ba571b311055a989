/** A lease that was never started goes to the next run of its machine, and to no other at the same time. */

import { describe, expect, it } from 'vitest';
import { startJob } from '../../spec/contract/runner.ts';
import { REDELIVER_AFTER_MS } from '../../spec/job/lease.ts';
import { accepts, refuses } from './harness/call.ts';
import { advance } from './harness/clock.ts';
import { aMachine, aPrompt, poll } from './harness/machines.ts';

describe('a lease that is handed out again', () => {
  it('belongs to the run that got it last: the frozen one must not start', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const first = await poll(machine, { claimId: 'claim-of-the-first', instance: 'first' });
    advance(REDELIVER_AFTER_MS);
    const second = await poll(machine, { claimId: 'claim-of-the-second', instance: 'second' });
    expect(second.leaseId).toBe(first.leaseId);

    const start = (instance: string) => ({
      as: machine.owner,
      params: { jobId: second.job?.id ?? '' },
      body: { machineId: machine.machineId, leaseId: second.leaseId, instance },
    });
    await accepts(startJob, start('second'));
    await refuses(startJob, 'lease_lost', start('first'));
    expect((await accepts(startJob, start('second'))).job.status).toBe('running');
  });

  it('may be started by a client that names no run', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const claim = await poll(machine, {});
    const body = { machineId: machine.machineId, leaseId: claim.leaseId };
    const started = await accepts(startJob, {
      as: machine.owner,
      params: { jobId: claim.job?.id ?? '' },
      body,
    });
    expect(started.job.status).toBe('running');
  });
});
