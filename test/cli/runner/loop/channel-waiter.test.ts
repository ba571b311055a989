import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ListenerWaiterOptions } from '../../../../cli/runner/loop/channel-waiter.ts';
import { listenerWaiter } from '../../../../cli/runner/loop/channel-waiter.ts';
import type { Waiter } from '../../../../cli/runner/loop/wake-signal.ts';
import { newestServer } from '../../../support/known-server.ts';
import type { PushServer } from '../channel/push-server.ts';
import { startPushServer } from '../channel/push-server.ts';
import { until } from '../job/conditions.ts';

let server: PushServer;
let waiter: Waiter | undefined;
let isSignedIn = true;
const never = new AbortController().signal;

beforeEach(async () => {
  server = await startPushServer();
  isSignedIn = true;
});

afterEach(async () => {
  waiter?.close();
  await server.close();
});

async function startWaiting(overrides: Partial<ListenerWaiterOptions> = {}) {
  const options: ListenerWaiterOptions = {
    choice: 'ws',
    pollIntervalMs: 3_600_000,
    machineId: 'mac-a',
    instance: 'one',
    async connect() {
      if (!isSignedIn) throw new Error('You are not signed in.');
      return { baseUrl: server.baseUrl, headers: {}, server: newestServer() };
    },
    onLease: () => undefined,
    onDrain: () => undefined,
    onReplaced: () => undefined,
    onChange: () => undefined,
    ...overrides,
  };
  const started = await listenerWaiter(options);
  waiter = started;
  return started;
}

describe('a waiter that is renewed', () => {
  it('while somebody waits, ends the wait with a look and not with an end', async () => {
    const opened = server.nextOpen();
    const waiting = await startWaiting();
    expect(await waiting.nextPoll(never)).toBe('start');
    await opened;
    const look = waiting.nextPoll(never);
    waiting.renew();
    expect(await look).toBe('start');
    await until(() => server.asked.ws === 2);
    expect(server.openChannels().ws).toBe(1);
  });

  it('several times at once, listens once', async () => {
    const heard: string[] = [];
    const done = Promise.withResolvers<void>();
    const waiting = await startWaiting({
      onDrain: () => heard.push('drain'),
      onLease: (jobId) => jobId === 'job_1' && done.resolve(),
    });
    for (let times = 0; times < 3; times += 1) waiting.renew();
    expect(await waiting.nextPoll(never)).toBe('start');
    await until(() => server.openChannels().ws === 1);
    server.tell({ event: 'drain', data: {} });
    server.tell({ event: 'job.cancelled', data: { jobId: 'job_1' } });
    await done.promise;
    expect(heard).toEqual(['drain']);
    expect(server.openChannels()).toEqual({ ws: 1, sse: 0 });
  });

  it('without a sign-in, continues to poll, and listens again after a sign-in', async () => {
    const waiting = await startWaiting({ pollIntervalMs: 1 });
    isSignedIn = false;
    waiting.renew();
    expect(await waiting.nextPoll(never)).toBe('interval');
    expect(await waiting.nextPoll(never)).toBe('interval');
    isSignedIn = true;
    const opened = server.nextOpen();
    waiting.renew();
    expect(await waiting.nextPoll(never)).toBe('start');
    expect(await opened).toBe('ws');
  });

  it('and cannot be opened for a moment, says so, and is opened after the next look', async () => {
    const changes: { up: boolean; message: string }[] = [];
    const waiting = await startWaiting({ pollIntervalMs: 1, onChange: (change) => changes.push(change) });
    expect(await waiting.nextPoll(never)).toBe('start');
    await until(() => changes.at(-1)?.up);
    isSignedIn = false;
    waiting.renew();
    expect(await waiting.nextPoll(never)).toBe('interval');
    expect(changes.at(-1)).toMatchObject({ up: false, message: 'You are not signed in.' });
    expect(await waiting.nextPoll(never)).toBe('interval');
    isSignedIn = true;
    expect(await waiting.nextPoll(never)).toBe('start');
    await until(() => changes.at(-1)?.up);
    expect(changes.map(({ up }) => up)).toEqual([true, false, true]);
  });

  it('without a sign-in, looks at once and finds out, however long it pauses between looks', async () => {
    const waiting = await startWaiting();
    expect(await waiting.nextPoll(never)).toBe('start');
    isSignedIn = false;
    const look = waiting.nextPoll(never);
    waiting.renew();
    expect(await look).toBe('interval');
  });

  it('and closed meanwhile, does not listen', async () => {
    const waiting = await startWaiting();
    waiting.renew();
    waiting.close();
    expect(await waiting.nextPoll(never)).toBeUndefined();
    await until(() => server.openChannels().ws === 0);
  });
});
