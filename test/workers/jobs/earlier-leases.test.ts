/** Which leases may have entered the prompt of a job before, as its next holder learns it. */

import { describe, expect, it } from 'vitest';
import { cancelJob, retryJob } from '../../../spec/contract/jobs.ts';
import { LEASE_MS } from '../../../spec/job/lease.ts';
import { accepts } from '../harness/call.ts';
import { advance, MINUTE, SECOND } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import { aMachine, aPrompt, claimAndStart, giveBack, type Held, poll, start } from '../harness/machines.ts';
import { fireAlarm } from '../harness/objects.ts';

/** The holder stops responding; the job waits in the queue for its next attempt. */
async function lose({ machine }: Held): Promise<void> {
  advance(LEASE_MS + SECOND);
  await fireAlarm(machine);
  advance(10 * MINUTE);
}

async function takeAgain({ machine, jobId }: Held) {
  const { job, leaseId = '' } = await poll(machine);
  const held = { machine, jobId, leaseId };
  await start(held);
  return { held, earlier: job?.earlierLeases };
}

describe('the earlier leases of a claimed job', () => {
  it('are those that were lost since it was queued, newest first', async () => {
    const machine = await aMachine();
    await aPrompt(machine, { onLeaseLoss: 'requeue', maxAttempts: 3 });
    const first = await claimAndStart(machine);
    await lose(first);
    const second = await takeAgain(first);
    expect(second.earlier).toEqual([first.leaseId]);
    await lose(second.held);
    expect((await takeAgain(first)).earlier).toEqual([second.held.leaseId, first.leaseId]);
  });

  it('do not name a lease that was returned', async () => {
    const machine = await aMachine();
    await aPrompt(machine, { onLeaseLoss: 'requeue' });
    const lost = await claimAndStart(machine);
    await lose(lost);
    const returned = await takeAgain(lost);
    await giveBack(returned.held);
    expect((await takeAgain(lost)).earlier).toEqual([lost.leaseId]);
  });

  it('are forgotten when a person retries the job, also when nobody held it', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine, { onLeaseLoss: 'requeue' });
    const first = await claimAndStart(machine);
    await lose(first);
    const to = { as: machine.owner, params: { jobId }, body: {} };
    await accepts(cancelJob, to);
    await accepts(retryJob, to);
    const second = await takeAgain(first);
    expect(second.earlier).toBeUndefined();
    await lose(second.held);
    expect((await takeAgain(first)).earlier).toEqual([second.held.leaseId]);
  });

  it('come with a repeated claim, too', async () => {
    const machine = await aMachine();
    await aPrompt(machine, { onLeaseLoss: 'requeue' });
    const first = await claimAndStart(machine);
    await lose(first);
    const claimId = crypto.randomUUID();
    const answers = [await poll(machine, { claimId }), await poll(machine, { claimId })];
    expect(answers.map(({ job }) => job?.earlierLeases)).toEqual([[first.leaseId], [first.leaseId]]);
  });

  it('need no trip of their own', async () => {
    const machine = await aMachine();
    await aPrompt(machine, { onLeaseLoss: 'requeue' });
    const first = await claimAndStart(machine);
    await lose(first);
    await poll(machine, { dryRun: '1' });
    const again = await billOf(() => poll(machine));
    expect(again.value.job?.earlierLeases).toEqual([first.leaseId]);
    expect(again.trips).toBe(2);
  });
});
