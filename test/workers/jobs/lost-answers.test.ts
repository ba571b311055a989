/** What a person or a runner asks again because the answer was lost: the same answer, and whoever was not told is told now. */

import { describe, expect, it } from 'vitest';
import { enqueueJob, retryJob } from '../../../spec/contract/jobs.ts';
import { accepts, send } from '../harness/call.ts';
import { advance, currentTime, MINUTE, SECOND } from '../harness/clock.ts';
import { withFault } from '../harness/d1-meter.ts';
import { aMachine, aPrompt, beat, claimAndStart, poll } from '../harness/machines.ts';
import { alarmAt, evict, fireAlarm } from '../harness/objects.ts';

/** D1 does what it is told and cannot say so. */
function losingTheAnswerOf(statement: RegExp, ask: () => Promise<unknown>): Promise<unknown> {
  const after = (sql: string) => {
    if (statement.test(sql)) throw new Error('D1_ERROR: Network connection lost.');
  };
  return withFault({ after }, ask);
}

describe('a repeated retry of a running job', () => {
  it('takes the lease from its old runner before the next one works', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claimAndStart(machine);
    await beat(held);
    const order = { as: machine.owner, params: { jobId: held.jobId }, body: { expectedAttempt: 1 } };
    await losingTheAnswerOf(/UPDATE jobs SET status = 'queued'/, () => send(retryJob, order));
    expect((await accepts(retryJob, order)).warning).toContain('may run twice');
    expect((await beat(held)).lease).toMatchObject({ valid: false });
    expect((await poll(machine)).job).toMatchObject({ id: held.jobId, attempt: 2 });
  });
});

describe('a repeated enqueue', () => {
  it('wakes the machine that the first one could not', async () => {
    const machine = await aMachine();
    expect((await poll(machine)).job).toBeNull();
    const order = {
      as: machine.owner,
      body: { prompt: 'Count.', ideaId: machine.ideaId },
      headers: { 'Idempotency-Key': `key-${machine.machineId}` },
    };
    await losingTheAnswerOf(/INSERT INTO jobs/, () => send(enqueueJob, order));
    const { job } = await accepts(enqueueJob, order);
    expect((await poll(machine)).job?.id).toBe(job.id);
  });
});

describe('a sweep that cannot write', () => {
  it('is tried again after a while, not at once', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    await claimAndStart(machine);
    advance(5 * MINUTE);
    await evict(machine);
    const before = (sql: string) => {
      if (/UPDATE jobs SET status = 'lost'/.test(sql)) throw new Error('D1_ERROR: Exceeded maximum DB size');
    };
    await withFault({ before }, () => fireAlarm(machine));
    expect(await alarmAt(machine)).toBe(currentTime() + 30 * SECOND);
  });
});
