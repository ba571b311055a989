/** While a person at the machine is asked whether a job may run, the job is kept for the answer and its sender is told. */

import { describe, expect, it } from 'vitest';
import { heartbeat } from '../../../spec/contract/runner.ts';
import { LEASE_MS, REDELIVER_AFTER_MS } from '../../../spec/job/lease.ts';
import { accepts } from '../harness/call.ts';
import { advance, currentTime, SECOND } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import type { Held } from '../harness/machines.ts';
import { aMachine, aPrompt, beat, claim, giveBack, log, poll, show, start } from '../harness/machines.ts';
import { evict, fireAlarm } from '../harness/objects.ts';

const ask = ({ machine: { owner, machineId }, jobId, leaseId }: Held) =>
  accepts(heartbeat, { as: owner, body: { machineId, jobId, leaseId, asking: true } });

const QUESTION_MS = 10 * LEASE_MS;

describe('a job about which a person is asked', () => {
  it('stays dispatched with that reason, however long the person takes', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    const held = await claim(machine);
    const askedAt = currentTime();
    for (let asked = 0; asked < QUESTION_MS; asked += 20 * SECOND) {
      expect((await ask(held)).lease).toMatchObject({ valid: true, action: 'continue' });
      advance(20 * SECOND);
      await fireAlarm(machine);
    }
    expect(await show(machine.owner, jobId)).toMatchObject({
      status: 'dispatched',
      leaseId: held.leaseId,
      waiting: {
        code: 'asking_at_machine',
        message: 'A person at workbench is being asked whether it may run.',
        since: new Date(askedAt).toISOString(),
      },
    });
    await start(held);
    const shown = await show(machine.owner, jobId);
    expect(shown.status).toBe('running');
    expect(shown.waiting).toBeUndefined();
  });

  it('is not handed out again by a poll of the same machine, nor after the object has lost its memory', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claim(machine);
    await ask(held);
    advance(REDELIVER_AFTER_MS + SECOND);
    expect((await poll(machine, { instance: 'another run' })).job).toBeNull();
    await evict(machine);
    expect((await poll(machine)).job).toBeNull();
    expect((await ask(held)).lease).toMatchObject({ valid: true });
    await start(held);
  });

  it('returns to the queue when the runner stops asking', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    await ask(await claim(machine));
    advance(LEASE_MS);
    await fireAlarm(machine);
    expect(await show(machine.owner, jobId)).toMatchObject({ status: 'queued', attempt: 0 });
    expect((await claim(machine)).jobId).toBe(jobId);
    expect((await show(machine.owner, jobId)).waiting).toMatchObject({ code: 'starting' });
  });

  it('waits for the start as before once the question is answered', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    const held = await claim(machine);
    await ask(held);
    await beat(held);
    expect((await show(machine.owner, jobId)).waiting).toMatchObject({ code: 'starting' });
  });

  it('can be returned unanswered', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    const held = await claim(machine);
    await ask(held);
    await giveBack(held, { reason: 'question_unanswered' });
    expect(await show(machine.owner, jobId)).toMatchObject({
      status: 'queued',
      attempt: 0,
      attempts: [{ outcome: 'released', error: 'The person at the machine left the question unanswered.' }],
    });
  });

  it('costs one row when the question begins, and the start none more than ever', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claim(machine);
    expect(await billOf(() => ask(held))).toMatchObject({ written: 1 });
    advance(20 * SECOND);
    expect(await billOf(() => ask(held))).toMatchObject({ written: 0 });
    expect(await billOf(() => start(held))).toMatchObject({ written: 1 });
  });

  it('is not asked about any more when a late question comes after the start', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    const held = await claim(machine);
    await start(held);
    expect((await ask(held)).lease).toMatchObject({ valid: true });
    expect(await show(machine.owner, jobId)).toMatchObject({ status: 'running' });
    expect((await show(machine.owner, jobId)).waiting).toBeUndefined();
    await log(held, 1);
  });
});
