/** What wakes a machine, what reaches its channel, and what does not. */

import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it } from 'vitest';
import { cancelJob, retryJob } from '../../../spec/contract/jobs.ts';
import { drainMachine } from '../../../spec/contract/machines.ts';
import { LEASE_MS } from '../../../spec/job/lease.ts';
import { accepts } from '../harness/call.ts';
import { advance, currentTime, MINUTE, SECOND } from '../harness/clock.ts';
import type { Held, Machine } from '../harness/machines.ts';
import { aMachine, aPrompt, beat, claim, claimAndStart, complete, poll, sync } from '../harness/machines.ts';
import { evict, fireAlarm, fireCron, inside } from '../harness/objects.ts';
import { closeChannels, listenOverSse, listenOverWs } from '../harness/streams.ts';

afterEach(closeChannels);

/** Three machines that listen: two that can take work of one idea, and one that cannot. */
async function threeMachines() {
  const first = await aMachine();
  const second = await aMachine({ owner: first.owner, ideaId: first.ideaId });
  const other = await aMachine({ owner: first.owner });
  const sockets = [await listenOverWs(first), await listenOverWs(second), await listenOverWs(other)] as const;
  return { first, second, other, sockets };
}

function retry(held: Held) {
  return accepts(retryJob, { as: held.machine.owner, params: { jobId: held.jobId }, body: {} });
}

function cancel(held: Pick<Held, 'machine' | 'jobId'>) {
  return accepts(cancelJob, { as: held.machine.owner, params: { jobId: held.jobId }, body: {} });
}

async function drain({ owner, machineId }: Machine, draining: boolean): Promise<void> {
  await accepts(drainMachine, { as: owner, params: { machineId }, body: { draining } });
}

describe('every machine that could claim is woken, and no other', () => {
  it('when a job is queued', async () => {
    const { first, sockets } = await threeMachines();
    await aPrompt(first);
    expect((await sockets[0].next()).event).toBe('job.available');
    expect((await sockets[1].next()).event).toBe('job.available');
    expect(await sockets[2].told()).toEqual([]);
  });

  it('when a job for one of them is queued', async () => {
    const { first, second, sockets } = await threeMachines();
    await aPrompt(first, { machineId: second.machineId });
    expect((await sockets[1].next()).event).toBe('job.available');
    expect(await sockets[0].told()).toEqual([]);
  });

  it('when a person retries', async () => {
    const { first, sockets } = await threeMachines();
    const jobId = await aPrompt(first);
    await cancel({ machine: first, jobId });
    await sockets[0].next();
    await sockets[1].next();
    await retry({ machine: first, jobId, leaseId: '' });
    expect((await sockets[0].next()).event).toBe('job.available');
    expect((await sockets[1].next()).event).toBe('job.available');
    expect(await sockets[2].told()).toEqual([]);
  });

  it.each(['alarm', 'cron'])('when a lease that was never started is reclaimed by the %s', async (by) => {
    const { first, sockets } = await threeMachines();
    await aPrompt(first);
    await claim(first);
    await sockets[0].next();
    await sockets[1].next();
    // While a channel is open, the alarm rings a lease later.
    advance((by === 'alarm' ? 2 : 1) * LEASE_MS + SECOND);
    await (by === 'alarm' ? fireAlarm(first) : fireCron());
    expect((await sockets[1].next()).event).toBe('job.available');
    const told = [(await sockets[0].next()).event, (await sockets[0].next()).event];
    if (by === 'alarm') expect(told).toContain('lease.lost');
    expect(told).toContain('job.available');
    expect(await sockets[2].told()).toEqual([]);
  });

  it.each(['alarm', 'cron'])('when notBefore has come, by the %s', async (by) => {
    const { first, sockets } = await threeMachines();
    await aPrompt(first, { notBefore: new Date(currentTime() + 10 * SECOND).toISOString() });
    advance(9 * SECOND);
    expect(await fireAlarm(first)).toBe(false);
    expect(await sockets[0].told()).toEqual([]);
    advance(2 * SECOND);
    if (by === 'cron') await fireCron();
    else expect([await fireAlarm(first), await fireAlarm(first)]).toEqual([true, false]);
    expect((await sockets[0].next()).event).toBe('job.available');
    expect(await sockets[2].told()).toEqual([]);
  });

  it('at its time although the object forgot everything before', async () => {
    const machine = await aMachine();
    const socket = await listenOverWs(machine);
    await aPrompt(machine, { notBefore: new Date(currentTime() + MINUTE).toISOString() });
    await evict(machine);
    advance(MINUTE + SECOND);
    expect(await fireAlarm(machine)).toBe(true);
    expect((await socket.next()).event).toBe('job.available');
  });

  it('at its time although the object forgot it and the alarm rang for another job', async () => {
    const machine = await aMachine();
    const socket = await listenOverWs(machine);
    await aPrompt(machine, { notBefore: new Date(currentTime() + MINUTE).toISOString() });
    await aPrompt(machine, { notBefore: new Date(currentTime() + 10 * MINUTE).toISOString() });
    await evict(machine);
    advance(MINUTE + SECOND);
    await fireAlarm(machine);
    expect((await socket.next()).event).toBe('job.available');
    await complete(await claimAndStart(machine));
    expect((await socket.next()).event).toBe('job.available');
    expect((await poll(machine)).job).toBeNull();
    // What the lease has left of the alarm.
    advance(LEASE_MS);
    await fireAlarm(machine);
    await socket.told();
    advance(10 * MINUTE);
    expect(await fireAlarm(machine)).toBe(true);
    expect(await socket.told()).toContain('job.available');
  });

  it('at its time when the machine began to listen after the object had forgotten it', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine, { notBefore: new Date(currentTime() + MINUTE).toISOString() });
    await inside(machine, (state) => state.storage.deleteAlarm());
    await evict(machine);
    const socket = await listenOverWs(machine);
    advance(MINUTE + SECOND);
    expect(await fireAlarm(machine)).toBe(true);
    expect((await socket.next()).event).toBe('job.available');
    expect((await poll(machine)).job?.id).toBe(jobId);
  });

  it('when a session is free again', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    await aPrompt(machine);
    const held = await claimAndStart(machine);
    const socket = await listenOverWs(machine);
    expect(await socket.told()).toEqual([]);
    await complete(held);
    expect((await socket.next()).event).toBe('job.available');
    expect((await poll(machine)).job).not.toBeNull();
  });

  it('when a sync brings a session, and not when it brings nothing new', async () => {
    const machine = await aMachine({ sessions: [] });
    await aPrompt(machine);
    const socket = await listenOverWs(machine);
    const sessions = [{ orpSessionId: 'orp-main', codexSessionId: `codex-${machine.machineId}` }];
    await sync(machine, sessions);
    expect((await socket.next()).event).toBe('job.available');
    await sync(machine, sessions);
    expect(await socket.told()).toEqual([]);
  });
});

describe('an announcement on opening', () => {
  it('makes the next poll look at the queue, whatever an earlier poll found', async () => {
    const machine = await aMachine();
    expect((await poll(machine)).job).toBeNull();
    const jobId = await aPrompt(machine, { notBefore: new Date(currentTime() + MINUTE).toISOString() });
    await env.DB.prepare('UPDATE jobs SET available_at = ? WHERE id = ?').bind(currentTime(), jobId).run();
    const socket = await listenOverWs(machine);
    expect((await socket.next()).event).toBe('job.available');
    expect((await poll(machine)).job?.id).toBe(jobId);
  });
});

describe.each(['ws', 'sse'] as const)('control over %s', (transport) => {
  async function listen(machine: Machine): Promise<() => Promise<{ event: string; data: unknown }>> {
    if (transport === 'ws') {
      const socket = await listenOverWs(machine);
      return () => socket.next();
    }
    const stream = await listenOverSse(machine);
    return async () => {
      const event = await stream.next();
      return { event: event?.event ?? 'end', data: JSON.parse(event?.data ?? 'null') };
    };
  }

  async function working() {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claimAndStart(machine);
    return { machine, held, next: await listen(machine) };
  }

  it('reports a cancel at once, and the heartbeat reports it again', async () => {
    const { held, next } = await working();
    await cancel(held);
    const data = { jobId: held.jobId, leaseId: held.leaseId, reason: 'cancelled' };
    expect(await next()).toMatchObject({ event: 'job.cancelled', data });
    expect((await beat(held)).lease).toMatchObject({ valid: false, reason: 'cancelled', action: 'stop' });
  });

  it('reports that a person revoked the lease', async () => {
    const { held, next } = await working();
    await retry(held);
    const data = { jobId: held.jobId, leaseId: held.leaseId, reason: 'revoked' };
    expect(await next()).toMatchObject({ event: 'lease.lost', data });
  });

  it('reports that the lease expired', async () => {
    const { machine, held, next } = await working();
    advance(LEASE_MS + SECOND);
    await fireAlarm(machine);
    const data = { jobId: held.jobId, leaseId: held.leaseId, reason: 'expired' };
    expect(await next()).toMatchObject({ event: 'lease.lost', data });
  });

  it('reports a drain, on the heartbeat as well, and wakes the machine when it ends', async () => {
    const { machine, held, next } = await working();
    await beat(held);
    await drain(machine, true);
    expect(await next()).toMatchObject({ event: 'drain', data: { drain: true } });
    expect(await beat(held)).toMatchObject({ drain: true });
    await complete(held);
    expect((await next()).event).toBe('job.available');
    await aPrompt(machine);
    await next();
    expect((await poll(machine)).job).toBeNull();
    await drain(machine, false);
    expect((await next()).event).toBe('job.available');
    expect((await poll(machine)).job).not.toBeNull();
  });
});
