/** A WebSocket that is open on this side only: its client sleeps, or its network is gone, and no close ever came. */

import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { enqueueJob } from '../../../spec/contract/jobs.ts';
import { CLOSE_CODES, DEAD_AFTER_MS } from '../../../spec/transport/events.ts';
import { accepts } from '../harness/call.ts';
import { advance, DAY, HOUR } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import { eventually } from '../harness/eventually.ts';
import type { Machine } from '../harness/machines.ts';
import { aMachine, aPrompt } from '../harness/machines.ts';
import { evict, fireCronForAll, inside } from '../harness/objects.ts';
import { closeChannels, listenOverSse, listenOverWs } from '../harness/streams.ts';

afterEach(async () => {
  vi.restoreAllMocks();
  await closeChannels();
});

/** The runtime's own clock, by which it stamps pings, stands this much later from now on. */
function passOnTheRuntime(ms: number): void {
  const at = Date.now() + ms;
  vi.spyOn(Date, 'now').mockReturnValue(at);
}

interface Presence {
  transport: string | null;
  lastSeenAt: number;
}

async function presenceOf({ machineId }: Machine): Promise<Presence | null> {
  const read = env.DB.prepare(
    'SELECT listening_transport AS transport, last_seen_at AS lastSeenAt FROM machines WHERE id = ?',
  );
  return read.bind(machineId).first<Presence>();
}

function openSockets(machine: Machine): Promise<number> {
  return inside(
    machine,
    (state) => state.getWebSockets('runner').filter(({ readyState }) => readyState === WebSocket.OPEN).length,
  );
}

async function untilNobodyListens(machine: Machine): Promise<void> {
  await eventually(async () => expect(await presenceOf(machine)).toMatchObject({ transport: null }));
}

describe('a WebSocket that has not pinged for 2.5 keep-alives', () => {
  it('gets one more event and is closed by the next wake, and its machine no longer listens', async () => {
    const machine = await aMachine();
    const socket = await listenOverWs(machine);
    const before = await presenceOf(machine);
    advance(HOUR);
    passOnTheRuntime(DEAD_AFTER_MS + 1);
    await aPrompt(machine);
    expect((await socket.next()).event).toBe('job.available');
    expect(await socket.closed).toEqual({ code: CLOSE_CODES.timeout, reason: 'no ping' });
    await untilNobodyListens(machine);
    expect(await openSockets(machine)).toBe(0);
    // It was not heard now: that a wake found nobody is no sign of life.
    expect(await presenceOf(machine)).toMatchObject({ lastSeenAt: before?.lastSeenAt });
  });

  it('is not shown to the next sender as listening', async () => {
    const machine = await aMachine();
    await listenOverWs(machine);
    passOnTheRuntime(DEAD_AFTER_MS + 1);
    await aPrompt(machine);
    await untilNobodyListens(machine);
    advance(HOUR);
    const { job } = await accepts(enqueueJob, {
      as: machine.owner,
      body: { kind: 'session.prompt', ideaId: machine.ideaId, prompt: 'Go on.' },
    });
    expect(JSON.stringify(job)).toContain('machine_offline');
  });

  it('is found by the daily check', async () => {
    const machine = await aMachine();
    await listenOverWs(machine);
    passOnTheRuntime(DEAD_AFTER_MS + 1);
    advance(DAY);
    await fireCronForAll();
    expect(await presenceOf(machine)).toMatchObject({ transport: null });
    expect(await openSockets(machine)).toBe(0);
  });

  it('is found by an object that has lost its memory', async () => {
    const machine = await aMachine();
    const socket = await listenOverWs(machine);
    await evict(machine);
    passOnTheRuntime(DEAD_AFTER_MS + 1);
    await aPrompt(machine);
    expect((await socket.closed).code).toBe(CLOSE_CODES.timeout);
    await untilNobodyListens(machine);
  });
});

describe('a channel stays', () => {
  it('for 2.5 keep-alives after it was opened', async () => {
    const machine = await aMachine();
    const socket = await listenOverWs(machine);
    passOnTheRuntime(DEAD_AFTER_MS - 5000);
    await aPrompt(machine);
    expect((await socket.next()).event).toBe('job.available');
    expect(await socket.told()).toEqual([]);
    expect(await presenceOf(machine)).toMatchObject({ transport: 'ws' });
  });

  it('while it pings, also when the object has lost its memory in between', async () => {
    const machine = await aMachine();
    const socket = await listenOverWs(machine);
    // Opened long ago; what counts is the ping, which the runtime stamps with its true time.
    await inside(machine, (state) => {
      for (const one of state.getWebSockets('runner'))
        one.serializeAttachment({ ...one.deserializeAttachment(), openedAt: 1 });
    });
    expect(await socket.told()).toEqual([]);
    await evict(machine);
    passOnTheRuntime(DEAD_AFTER_MS - 5000);
    await aPrompt(machine);
    expect((await socket.next()).event).toBe('job.available');
    expect(await socket.told()).toEqual([]);
    expect(await presenceOf(machine)).toMatchObject({ transport: 'ws' });
  });

  it('as a stream, which never pings', async () => {
    const machine = await aMachine();
    const stream = await listenOverSse(machine);
    passOnTheRuntime(HOUR);
    await aPrompt(machine);
    expect((await stream.next())?.event).toBe('job.available');
    await aPrompt(machine);
    expect((await stream.next())?.event).toBe('job.available');
    expect(await presenceOf(machine)).toMatchObject({ transport: 'sse' });
  });
});

it('a wake of a live channel costs nothing', async () => {
  const machine = await aMachine();
  const socket = await listenOverWs(machine);
  const object = env.RUNNER_MACHINE.getByName(`${machine.owner.userId}/${machine.machineId}`);
  const { value: _, ...bill } = await billOf(async () => {
    await object.wake();
    expect((await socket.next()).event).toBe('job.available');
  });
  expect(bill).toEqual({ written: 0, read: 0, trips: 0, objectWritten: 0, alarms: 0 });
});
