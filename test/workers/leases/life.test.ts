/** The life of a job from its start to its end, told twice, late, by the wrong one, or not at all. */

import { describe, expect, it } from 'vitest';
import { cancelJob, retryJob } from '../../../spec/contract/jobs.ts';
import { addLogs, completeJob, heartbeat, pollJob, startJob } from '../../../spec/contract/runner.ts';
import { LEASE_MS } from '../../../spec/job/lease.ts';
import { accepts, refuses, send } from '../harness/call.ts';
import { advance, currentTime, HOUR, SECOND, takeLog } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import type { Held } from '../harness/machines.ts';
import {
  aMachine,
  aPrompt,
  beat,
  claim,
  claimAndStart,
  complete,
  log,
  poll,
  show,
  start,
} from '../harness/machines.ts';
import { aPerson } from '../harness/people.ts';

async function aHeldPrompt(): Promise<Held> {
  const machine = await aMachine();
  await aPrompt(machine);
  return claimAndStart(machine);
}

describe('a start', () => {
  it('sent twice gets the same answer and writes once', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claim(machine);
    const first = await start(held);
    advance(SECOND);
    const { value, written } = await billOf(() => start(held));
    expect(value).toEqual(first);
    expect(written).toBe(0);
    expect(first.job).toEqual({ id: held.jobId, status: 'running' });
  });

  it('is still accepted after the expiry, as long as the lease was not reclaimed', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claim(machine);
    advance(2 * LEASE_MS);
    expect(await start(held)).toMatchObject({ job: { status: 'running' } });
  });
});

describe('a result', () => {
  it('ends the job with everything that was said', async () => {
    const held = await aHeldPrompt();
    const { owner } = held.machine;
    advance(SECOND);
    expect(await complete(held)).toEqual({ ok: true, job: { id: held.jobId, status: 'completed' } });
    const job = await show(owner, held.jobId);
    expect(job).toMatchObject({
      status: 'completed',
      summary: 'Three gauges.',
      content: 'Three gauges.\n',
      finishedAt: new Date(currentTime()).toISOString(),
      attempts: [{ attempt: 1, outcome: 'completed', content: 'Three gauges.\n' }],
    });
    expect(job).not.toHaveProperty('error');
    expect(job).not.toHaveProperty('waiting');
  });

  it('sent twice gets the same answer and changes nothing', async () => {
    const held = await aHeldPrompt();
    const first = await complete(held);
    const before = await show(held.machine.owner, held.jobId);
    advance(HOUR);
    const { value, written, objectWritten } = await billOf(() => complete(held));
    expect(value).toEqual(first);
    expect({ written, objectWritten }).toEqual({ written: 0, objectWritten: 0 });
    expect(await show(held.machine.owner, held.jobId)).toEqual(before);
  });

  it('that contradicts the first one is refused', async () => {
    const held = await aHeldPrompt();
    await complete(held);
    const { machine, jobId, leaseId } = held;
    const body = { machineId: machine.machineId, leaseId, success: false, error: 'No, it failed.' };
    await refuses(completeJob, 'wrong_status', { as: machine.owner, params: { jobId }, body });
    expect(await show(machine.owner, jobId)).toMatchObject({ status: 'completed' });
  });

  it('of a failure keeps the answer, the reason and its kind', async () => {
    const held = await aHeldPrompt();
    await complete(held, {
      success: false,
      error: 'Out of quota.',
      content: 'Half an answer.',
      failureKind: 'agent_timeout',
    });
    expect(await show(held.machine.owner, held.jobId)).toMatchObject({
      status: 'failed',
      error: 'Out of quota.',
      content: 'Half an answer.',
      failureKind: 'agent_timeout',
    });
  });

  it('of v0.4.4 with nulls is taken as it is', async () => {
    const held = await aHeldPrompt();
    await complete(held, { success: false, summary: null, content: null, error: null });
    const job = await show(held.machine.owner, held.jobId);
    expect(job).toMatchObject({ status: 'failed', failureKind: 'agent_error', error: expect.any(String) });
    expect(job).not.toHaveProperty('content');
  });

  it('delivered by two at once is written once', async () => {
    const held = await aHeldPrompt();
    const { written } = await billOf(() => Promise.all([complete(held), complete(held)]));
    expect(written).toBeLessThanOrEqual(2);
    expect((await show(held.machine.owner, held.jobId)).attempts).toHaveLength(1);
  });

  it('that comes late, before the lease was reclaimed, is accepted', async () => {
    const held = await aHeldPrompt();
    advance(24 * HOUR);
    expect(await complete(held)).toMatchObject({ job: { status: 'completed' } });
  });

  it('does not change a cancelled job', async () => {
    const held = await aHeldPrompt();
    const { machine, jobId, leaseId } = held;
    await accepts(cancelJob, { as: machine.owner, params: { jobId }, body: {} });
    const body = { machineId: machine.machineId, leaseId, success: true, content: 'Too late.' };
    const answer = await send(completeJob, { as: machine.owner, params: { jobId }, body });
    expect(answer.status).toBe(409);
    const job = await show(machine.owner, jobId);
    expect(job.status).toBe('cancelled');
    expect(job).not.toHaveProperty('content');
  });

  it('of a mebibyte is kept byte for byte', async () => {
    const held = await aHeldPrompt();
    const content = 'ü\u0001"\\\n'.repeat(170_000);
    await complete(held, { content });
    expect((await show(held.machine.owner, held.jobId)).content).toBe(content);
  });
});

describe('a heartbeat', () => {
  it('renews the lease from now', async () => {
    const held = await aHeldPrompt();
    advance(20 * SECOND);
    expect((await beat(held)).lease).toEqual({
      valid: true,
      action: 'continue',
      expiresAt: new Date(currentTime() + LEASE_MS).toISOString(),
    });
  });

  it('reaches D1 only when less than a quarter of the lease is left', async () => {
    const held = await aHeldPrompt();
    const written: number[] = [];
    for (let count = 0; count < 9; count += 1) {
      advance(20 * SECOND);
      written.push((await billOf(() => beat(held))).written);
    }
    expect(written).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 0].map((rows) => expect.closeTo(rows, 0)));
  });

  it('of a machine without a lease is accepted and says nothing of one', async () => {
    const machine = await aMachine();
    const body = { machineId: machine.machineId, machineName: 'workbench' };
    expect(await accepts(heartbeat, { as: machine.owner, body })).not.toHaveProperty('lease');
  });

  it('of a machine that has never synced is accepted and registers nothing', async () => {
    const as = await aPerson();
    const machineId = crypto.randomUUID();
    const bill = await billOf(() => accepts(heartbeat, { as, body: { machineId, machineName: 'new' } }));
    expect(bill.written).toBe(0);
    await refuses(pollJob, 'not_found', { as, query: { machineId } });
  });

  it('of another account is refused once the machine has synced', async () => {
    const { machineId } = await aMachine();
    await refuses(heartbeat, 'foreign_machine', {
      as: await aPerson(),
      body: { machineId, machineName: 'thief' },
    });
  });

  it.each([
    { what: 'an unknown lease', lease: (held: Held) => ({ jobId: held.jobId, leaseId: 'lea_unknown' }) },
    { what: 'an unknown job', lease: (held: Held) => ({ jobId: 'job_unknown', leaseId: held.leaseId }) },
  ])('with $what still answers, and says to stop', async ({ lease }) => {
    const held = await aHeldPrompt();
    const { machine } = held;
    const body = { machineId: machine.machineId, machineName: 'workbench', ...lease(held) };
    const reply = await accepts(heartbeat, { as: machine.owner, body });
    expect(reply.lease).toMatchObject({ valid: false, action: 'stop' });
  });

  it('after the end still answers, and says that the job has ended', async () => {
    const held = await aHeldPrompt();
    await complete(held);
    expect((await beat(held)).lease).toMatchObject({ valid: false, reason: 'finished', action: 'stop' });
  });

  it('after a cancel reports it, and does not make the machine appear to hold the job', async () => {
    const held = await aHeldPrompt();
    await accepts(cancelJob, { as: held.machine.owner, params: { jobId: held.jobId }, body: {} });
    expect((await beat(held)).lease).toMatchObject({ valid: false, reason: 'cancelled', action: 'stop' });
    expect(await show(held.machine.owner, held.jobId)).toMatchObject({ status: 'cancelled' });
  });

  it('with the lease of another account says that the lease is foreign', async () => {
    const held = await aHeldPrompt();
    const thief = await aMachine();
    expect((await beat({ ...held, machine: thief })).lease).toMatchObject({ valid: false, action: 'stop' });
    advance(20 * SECOND);
    expect((await beat(held)).lease).toMatchObject({ valid: true });
  });

  it('writes that the machine is alive at most every five minutes', async () => {
    const machine = await aMachine();
    const body = { machineId: machine.machineId, machineName: 'workbench' };
    let rows = 0;
    for (let count = 0; count < 30; count += 1) {
      advance(20 * SECOND);
      rows += (await billOf(() => accepts(heartbeat, { as: machine.owner, body }))).written;
    }
    expect(rows).toBeLessThanOrEqual(2);
  });
});

describe('what the log says', () => {
  it('names request, job, lease and machine, and never the prompt, the answer or a token', async () => {
    takeLog();
    const machine = await aMachine();
    const jobId = await aPrompt(machine, { prompt: 'The secret plan.' });
    const held = await claimAndStart(machine);
    await log(held, 1, 'secret output');
    await complete(held, { content: 'The secret answer.', summary: 'The secret answer.' });
    const { owner, machineId } = machine;
    const stale = { machineId, leaseId: 'lea_other' };
    await refuses(startJob, 'wrong_status', { as: owner, params: { jobId }, body: stale });
    await send(addLogs, { as: owner, params: { jobId }, body: { ...stale, lines: [] } });

    const lines = takeLog();
    const text = JSON.stringify(lines);
    expect(text).not.toContain('secret');
    expect(text).not.toContain(owner.token);
    expect(lines).toContainEqual(
      expect.objectContaining({
        event: 'lease_mismatch',
        jobId,
        machineId,
        leaseId: 'lea_other',
        requestId: expect.any(String),
      }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({ jobId, machineId, requestId: expect.any(String) }),
    );
  });

  it('names the lease of a start, a result and a retry that were not taken lightly', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claimAndStart(machine);
    await complete(held);
    const params = { jobId: held.jobId };
    takeLog();
    const stale = { machineId: machine.machineId, leaseId: 'lea_other' };
    await refuses(startJob, 'wrong_status', { as: machine.owner, params, body: stale });
    await send(completeJob, { as: machine.owner, params, body: { ...stale, success: true } });
    await accepts(retryJob, { as: machine.owner, params, body: {} });
    const told = takeLog();
    for (const event of ['start_refused', 'complete_refused']) {
      expect(told).toContainEqual(expect.objectContaining({ event, ...params, ...stale }));
    }
    const { machineId } = machine;
    const retried = { event: 'job_retried', machineId, leaseId: held.leaseId, ...params };
    expect(told).toContainEqual(expect.objectContaining(retried));
  });

  it('reports when no machine can take a job', async () => {
    const machine = await aMachine({ sessions: [] });
    takeLog();
    const jobId = await aPrompt(machine);
    expect(takeLog()).toContainEqual(expect.objectContaining({ event: 'no_routeable_session', jobId }));
  });

  it('reports a poll that failed', async () => {
    const as = await aPerson();
    takeLog();
    await refuses(pollJob, 'not_found', {
      as,
      query: { machineId: crypto.randomUUID() },
    });
    expect(takeLog()).toContainEqual(
      expect.objectContaining({ code: 'not_found', requestId: expect.any(String) }),
    );
    expect((await poll(await aMachine())).job).toBeNull();
  });
});
