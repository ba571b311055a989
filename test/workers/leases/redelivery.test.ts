/** A lease that was never started goes to the next run of its machine, and the run that was only slow must not start it. */

import { describe, expect, it } from 'vitest';
import { startJob } from '../../../spec/contract/runner.ts';
import { LEASE_MS, REDELIVER_AFTER_MS } from '../../../spec/job/lease.ts';
import { accepts, refuses } from '../harness/call.ts';
import { advance, SECOND } from '../harness/clock.ts';
import { aMachine, aPrompt, poll, show } from '../harness/machines.ts';
import { fireAlarm } from '../harness/objects.ts';

describe('a job that was handed out and never started', () => {
  it('comes again under a new lease; the old one starts nothing', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const first = await poll(machine);
    advance(REDELIVER_AFTER_MS);
    const second = await poll(machine);
    expect(second.job?.id).toBe(first.job?.id);
    expect(second.leaseId).not.toBe(first.leaseId);

    const start = (leaseId: string | undefined) => ({
      as: machine.owner,
      params: { jobId: second.job?.id ?? '' },
      body: { machineId: machine.machineId, leaseId },
    });
    await refuses(startJob, 'lease_lost', start(first.leaseId));
    await accepts(startJob, start(second.leaseId));
    await refuses(startJob, 'lease_lost', start(first.leaseId));
  });

  it('goes back to the queue when its machine polls and never starts, however often it polls', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    for (let waited = 0; waited < LEASE_MS; waited += 20 * SECOND) {
      await poll(machine);
      advance(20 * SECOND);
    }
    await fireAlarm(machine);
    expect(await show(machine.owner, jobId)).toMatchObject({ status: 'queued', attempt: 0 });
  });
});
