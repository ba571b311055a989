/** A channel over its life: who may hold it, what is recorded of it, and that waiting costs nothing. */

import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it } from 'vitest';
import { CLOSE_CODES } from '../../../spec/transport/events.ts';
import { expectRefusal } from '../harness/call.ts';
import { advance, currentTime, HOUR, MINUTE, SECOND } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import { eventually } from '../harness/eventually.ts';
import type { Machine } from '../harness/machines.ts';
import { aMachine, aPrompt } from '../harness/machines.ts';
import { evict, fireCronForAll, inside } from '../harness/objects.ts';
import { aPerson } from '../harness/people.ts';
import type { Stream } from '../harness/streams.ts';
import {
  closeChannels,
  get,
  listenOverSse,
  listenOverWs,
  openSocket,
  openStream,
} from '../harness/streams.ts';

afterEach(closeChannels);

interface Presence {
  transport: string | null;
  instance: string | null;
  since: number | null;
}

async function presenceOf({ machineId }: Machine): Promise<Presence | null> {
  return env.DB.prepare(
    `SELECT listening_transport AS transport, listening_instance AS instance, listening_since AS since
     FROM machines WHERE id = ?`,
  )
    .bind(machineId)
    .first<Presence>();
}

const nobody: Presence = { transport: null, instance: null, since: null };

function socketsOf(machine: Machine): Promise<number> {
  return inside(
    machine,
    (state) => state.getWebSockets('runner').filter((one) => one.readyState === 1).length,
  );
}

async function announced(stream: Stream): Promise<string | undefined> {
  return (await stream.next())?.event;
}

describe('presence', () => {
  it('is recorded with transport, instance and since, and not again while it stays', async () => {
    const machine = await aMachine();
    const first = await billOf(() => listenOverWs(machine, 'one'));
    expect(first.written).toBe(1);
    const since = currentTime();
    expect(await presenceOf(machine)).toEqual({ transport: 'ws', instance: 'one', since });
    advance(MINUTE);
    expect((await billOf(() => listenOverWs(machine, 'one'))).written).toBe(0);
    expect(await presenceOf(machine)).toEqual({ transport: 'ws', instance: 'one', since });
    await listenOverSse(machine, { instance: 'two' });
    expect(await presenceOf(machine)).toMatchObject({
      transport: 'sse',
      instance: 'two',
      since: currentTime(),
    });
  });

  it('ends when the socket closes', async () => {
    const machine = await aMachine();
    const socket = await listenOverWs(machine);
    socket.close();
    await eventually(async () => expect(await presenceOf(machine)).toEqual(nobody));
  });

  it('ends when the reader of a stream goes away', async () => {
    const machine = await aMachine();
    const stream = await listenOverSse(machine);
    await stream.close();
    await eventually(async () => expect(await presenceOf(machine)).toEqual(nobody));
    expect(await socketsOf(machine)).toBe(0);
  });

  it('stays through the moment between two streams, and writes nothing', async () => {
    const machine = await aMachine();
    await (await openStream(machine, { waitSeconds: 1, instance: 'one' })).rest();
    await eventually(async () => expect(await socketsOf(machine)).toBe(0));
    expect(await presenceOf(machine)).toMatchObject({ transport: 'sse', instance: 'one' });
    expect((await billOf(() => listenOverSse(machine, { instance: 'one' }))).written).toBe(0);
  });

  it('of a stream that never came back is corrected within an hour', async () => {
    const machine = await aMachine();
    await (await openStream(machine, { waitSeconds: 1 })).rest();
    await eventually(async () => expect(await socketsOf(machine)).toBe(0));
    advance(HOUR);
    await fireCronForAll();
    expect(await presenceOf(machine)).toEqual(nobody);
  });

  it('of an open stream survives the check', async () => {
    const machine = await aMachine();
    await listenOverSse(machine);
    advance(HOUR);
    await fireCronForAll();
    expect(await presenceOf(machine)).toMatchObject({ transport: 'sse' });
  });
});

describe('the newest instance', () => {
  it('closes an older WebSocket with a reason', async () => {
    const machine = await aMachine();
    const older = await listenOverWs(machine, 'one');
    await listenOverWs(machine, 'two');
    expect(await older.next()).toMatchObject({ event: 'error', data: { code: 'replaced', instance: 'two' } });
    expect(await older.closed).toMatchObject({ code: CLOSE_CODES.replaced, reason: 'replaced by two' });
    await eventually(async () => expect(await socketsOf(machine)).toBe(1));
    expect(await presenceOf(machine)).toMatchObject({ instance: 'two' });
  });

  it('ends an older stream with an error that has data', async () => {
    const machine = await aMachine();
    const older = await listenOverSse(machine, { instance: 'one' });
    const newer = await listenOverWs(machine, 'two');
    const end = await older.next();
    expect(end?.event).toBe('error');
    expect(JSON.parse(end?.data ?? '')).toMatchObject({ code: 'replaced', error: expect.any(String) });
    expect(await older.next()).toBeUndefined();
    await aPrompt(machine);
    expect((await newer.next()).event).toBe('job.available');
    expect(await presenceOf(machine)).toMatchObject({ transport: 'ws', instance: 'two' });
  });
});

describe('a WebSocket', () => {
  it.each([
    ['a word', 'hello'],
    ['a large frame', 'x'.repeat(1024 * 1024)],
  ])('is closed with a reason when the runner sends %s', async (_, text) => {
    const machine = await aMachine();
    const socket = await listenOverWs(machine);
    socket.send('ping');
    expect(await socket.frame()).toBe('pong');
    socket.send(text);
    expect(await socket.closed).toEqual({
      code: 1008,
      reason: 'A runner may send nothing but ping and calls on this channel.',
    });
    await eventually(async () => expect(await socketsOf(machine)).toBe(0));
  });

  it('is closed at once when the runner closes it', async () => {
    const socket = await listenOverWs(await aMachine());
    const askedAt = performance.now();
    socket.close();
    await socket.closed;
    expect(performance.now() - askedAt).toBeLessThan(2 * SECOND);
  });

  it('is refused as JSON to a caller who may not listen, and to plain requests', async () => {
    const machine = await aMachine();
    const stranger = await aPerson();
    const path = `/api/cli/runner/events/ws?machineId=${machine.machineId}`;
    const upgrade = { upgrade: 'websocket' };
    const refusal = async (response: Response) => ({
      status: response.status,
      headers: response.headers,
      text: await response.text(),
    });
    expectRefusal(await refusal(await get(path, undefined, upgrade)), 'unauthenticated');
    expectRefusal(await refusal(await get(path, stranger, upgrade)), 'foreign_machine');
    const unknown = `/api/cli/runner/events/ws?machineId=${crypto.randomUUID()}`;
    expectRefusal(await refusal(await get(unknown, stranger, upgrade)), 'not_found');
    expectRefusal(await refusal(await get(path, machine.owner)), 'invalid_input');
  });

  it('announces work that waits already', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const socket = await openSocket(machine);
    expect([(await socket.next()).event, (await socket.next()).event]).toEqual(['ready', 'job.available']);
  });
});

describe('an object that hibernates', () => {
  it('keeps its stream and its socket open, and the next event arrives', async () => {
    const overSse = await aMachine();
    const overWs = await aMachine();
    const stream = await listenOverSse(overSse);
    const socket = await listenOverWs(overWs);
    for (let round = 0; round < 3; round += 1) {
      await evict(overSse);
      await evict(overWs);
      await aPrompt(overSse);
      await aPrompt(overWs);
      expect(await announced(stream)).toBe('job.available');
      expect((await socket.next()).event).toBe('job.available');
    }
  });

  it('is not woken by a ping', async () => {
    const machine = await aMachine();
    const socket = await listenOverWs(machine);
    await evict(machine);
    socket.send('ping');
    expect(await socket.frame()).toBe('pong');
    const object = env.RUNNER_MACHINE.getByName(`${machine.owner.userId}/${machine.machineId}`);
    await expect(evictDurableObject(object)).rejects.toThrow('not currently running');
  });

  it('and everything else is silent while the machine idles: no query, no row, no alarm', async () => {
    const overSse = await aMachine();
    const overWs = await aMachine();
    await listenOverSse(overSse);
    const socket = await listenOverWs(overWs);
    const { value: _, ...bill } = await billOf(async () => {
      for (let pings = 0; pings < 4; pings += 1) {
        advance(15 * SECOND);
        socket.send('ping');
        await socket.frame();
      }
    });
    expect(bill).toEqual({ written: 0, read: 0, trips: 0, objectWritten: 0, alarms: 0 });
    expect(await inside(overSse, (state) => state.storage.getAlarm())).toBeNull();
  });

  it('is a new instance when it is woken', async () => {
    const machine = await aMachine();
    const socket = await listenOverWs(machine);
    const object = env.RUNNER_MACHINE.getByName(`${machine.owner.userId}/${machine.machineId}`);
    const before = await runInDurableObject(object, (instance) => new WeakRef(instance));
    await evict(machine);
    advance(HOUR);
    await aPrompt(machine);
    expect((await socket.next()).event).toBe('job.available');
    expect(await runInDurableObject(object, (instance) => instance === before.deref())).toBe(false);
  });
});
