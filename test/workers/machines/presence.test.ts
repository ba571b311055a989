/** What people are told of a machine: last seen is one fact, whether it can be woken is another. */

import { afterEach, describe, expect, it } from 'vitest';
import { showMachine } from '../../../spec/contract/machines.ts';
import { OFFLINE_AFTER_MS } from '../../../spec/job/waiting.ts';
import { accepts, refuses } from '../harness/call.ts';
import { advance, currentTime, HOUR, MINUTE } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import { eventually } from '../harness/eventually.ts';
import type { Machine } from '../harness/machines.ts';
import { aMachine, aPrompt, poll, show } from '../harness/machines.ts';
import { aPerson } from '../harness/people.ts';
import { closeChannels, listenOverSse, listenOverWs } from '../harness/streams.ts';

afterEach(closeChannels);

async function seen({ owner, machineId }: Machine) {
  return (await accepts(showMachine, { as: owner, params: { machineId } })).machine;
}

function at(ms: number): string {
  return new Date(ms).toISOString();
}

describe('a machine', () => {
  it('that only asks now and then is seen, and does not listen', async () => {
    const machine = await aMachine();
    await poll(machine);
    const { listening, lastSeenAt, draining } = await seen(machine);
    expect({ listening, lastSeenAt, draining }).toEqual({
      listening: undefined,
      lastSeenAt: at(currentTime()),
      draining: false,
    });
  });

  it('that listens says how, since when and which run of it, and no longer when it stops', async () => {
    const machine = await aMachine();
    const since = currentTime();
    const socket = await listenOverWs(machine, 'run-1');
    advance(HOUR);
    expect((await seen(machine)).listening).toEqual({
      transport: 'ws',
      instance: 'run-1',
      since: at(since),
    });
    await listenOverSse(machine, { instance: 'run-2' });
    expect((await seen(machine)).listening).toMatchObject({ transport: 'sse', instance: 'run-2' });
    socket.close();
    await closeChannels();
    await eventually(async () => expect((await seen(machine)).listening).toBeUndefined());
  });

  it('is shown to its owner and to operators, and is unknown to everybody else', async () => {
    const { machineId } = await aMachine();
    const operator = await aPerson({ role: 'operator' });
    expect((await accepts(showMachine, { as: operator, params: { machineId } })).machine.id).toBe(machineId);
    await refuses(showMachine, 'not_found', { as: await aPerson(), params: { machineId } });
    await refuses(showMachine, 'not_found', { as: operator, params: { machineId: crypto.randomUUID() } });
    await refuses(showMachine, 'unauthenticated', { params: { machineId } });
  });

  it('costs one read row and no written row', async () => {
    const machine = await aMachine();
    expect(await billOf(() => seen(machine))).toMatchObject({ trips: 1, read: 1, written: 0 });
  });
});

describe('the sentence on a job that waits', () => {
  it('calls a machine that was silent for long offline, unless it listens', async () => {
    const machine = await aMachine();
    advance(OFFLINE_AFTER_MS + MINUTE);
    const jobId = await aPrompt(machine);
    expect((await show(machine.owner, jobId)).waiting?.code).toBe('machine_offline');
    await listenOverWs(machine);
    expect((await show(machine.owner, jobId)).waiting?.code).toBe('next_poll');
    advance(24 * HOUR);
    expect((await show(machine.owner, jobId)).waiting?.code).toBe('next_poll');
  });
});
