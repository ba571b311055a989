/**
 * While a WebSocket of the runner is open, the object keeps the leases with it: they survive hibernation, cost no row, and
 * make most renewals in D1 unnecessary. When the channel ends, they go to the storage of the object.
 */

import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it } from 'vitest';
import { HEARTBEAT_MS, LEASE_MS } from '../../../spec/job/lease.ts';
import { advance, currentTime, SECOND } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import { eventually } from '../harness/eventually.ts';
import type { Held, Machine } from '../harness/machines.ts';
import { aMachine, aPrompt, beat, claim, complete, poll, start } from '../harness/machines.ts';
import { alarmAt, evict, inside } from '../harness/objects.ts';
import { closeChannels, listenOverSse, listenOverWs, type Socket } from '../harness/streams.ts';

afterEach(closeChannels);

async function aListener(): Promise<{ machine: Machine; socket: Socket }> {
  const machine = await aMachine();
  await poll(machine);
  return { machine, socket: await listenOverWs(machine, 'one') };
}

async function aWorkingListener(): Promise<{ held: Held; socket: Socket }> {
  const { machine, socket } = await aListener();
  await aPrompt(machine);
  const held = await claim(machine);
  await start(held);
  return { held, socket };
}

function deadlines({ machine }: Held): Promise<Record<string, number>> {
  return env.RUNNER_MACHINE.getByName(`${machine.owner.userId}/${machine.machineId}`).deadlines();
}

function storedLeases({ machine }: Held): Promise<string | undefined> {
  return inside(machine, ({ storage }) => {
    const [row] = storage.sql.exec<{ leases: string }>('SELECT leases FROM lease_memo').toArray();
    return row?.leases;
  });
}

describe('leases of a machine whose WebSocket is open', () => {
  it('cost a claim no row of the object besides its alarm', async () => {
    const { machine } = await aListener();
    await aPrompt(machine);
    expect(await billOf(() => claim(machine))).toMatchObject({ objectWritten: 1, alarms: 1 });
  });

  it('keep the exact deadline of every heartbeat through hibernation, and D1 is written late', async () => {
    const { held } = await aWorkingListener();
    for (let beats = 1; beats <= 4; beats += 1) {
      advance(HEARTBEAT_MS);
      expect((await billOf(() => beat(held))).written).toBe(0);
      await evict(held.machine);
      expect(await deadlines(held)).toEqual({ [held.leaseId]: currentTime() + LEASE_MS });
    }
    advance(HEARTBEAT_MS);
    expect((await billOf(() => beat(held))).written).toBe(1);
  });

  it('let the alarm ring late, because the end of the channel would be noticed', async () => {
    const { held } = await aWorkingListener();
    const deadline = currentTime() + LEASE_MS;
    expect(await alarmAt(held.machine)).toBe(deadline + LEASE_MS);
  });
});

describe('the end of that channel', () => {
  it('moves the leases to the storage and arms the alarm for their deadline', async () => {
    const { held, socket } = await aWorkingListener();
    advance(HEARTBEAT_MS);
    await beat(held);
    const deadline = currentTime() + LEASE_MS;
    expect(await storedLeases(held)).toBeUndefined();
    await evict(held.machine);
    socket.close();
    await eventually(async () => expect(await storedLeases(held)).toContain(held.leaseId));
    await eventually(async () => expect(await alarmAt(held.machine)).toBe(deadline));
    await evict(held.machine);
    expect(await deadlines(held)).toEqual({ [held.leaseId]: deadline });
  });

  it('by a newer channel of the machine hands the leases over', async () => {
    const { held } = await aWorkingListener();
    advance(HEARTBEAT_MS);
    await beat(held);
    const deadline = currentTime() + LEASE_MS;
    await listenOverWs(held.machine, 'two');
    await evict(held.machine);
    expect(await deadlines(held)).toEqual({ [held.leaseId]: deadline });
    expect(await storedLeases(held)).toBeUndefined();
  });

  it('of a runner without a job reads and writes nothing about leases', async () => {
    const { held, socket } = await aWorkingListener();
    await complete(held);
    socket.close();
    await socket.closed;
    advance(SECOND);
    expect(await storedLeases(held)).toBeUndefined();
  });
});

describe('leases of a machine that listens over SSE', () => {
  it('are stored with the claim, because the end of a stream is noticed late', async () => {
    const machine = await aMachine();
    await poll(machine);
    await listenOverSse(machine);
    await aPrompt(machine);
    const held = await claim(machine);
    expect(await storedLeases(held)).toContain(held.leaseId);
  });
});
