/** A connection whose other end is gone without a word: nothing but silence shows it. */

import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FIRST_WORD_MS } from '../../../../cli/base/silence.ts';
import type { Channel, ChannelEnd } from '../../../../cli/runner/channel/channel.ts';
import { openSseChannel } from '../../../../cli/runner/channel/sse-channel.ts';
import { openWsChannel } from '../../../../cli/runner/channel/ws-channel.ts';
import { DEAD_AFTER_MS, KEEP_ALIVE_MS } from '../../../../spec/transport/events.ts';
import { newestServer } from '../../../support/known-server.ts';
import type { PushServer } from './push-server.ts';
import { startPushServer } from './push-server.ts';

const OPEN = { sse: openSseChannel, ws: openWsChannel };
const SILENT: ChannelEnd = { kind: 'broken', message: 'the link went silent' };

let server: PushServer;
let channel: Channel;
let heard: EventTarget;
let end: ChannelEnd | undefined;

beforeEach(async () => {
  server = await startPushServer();
  heard = new EventTarget();
  end = undefined;
  // Only what the channel waits with; the network needs its own timers.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
});

afterEach(async () => {
  vi.useRealTimers();
  channel.close();
  await server.close();
});

async function listen(transport: keyof typeof OPEN): Promise<void> {
  const ready = once(heard, 'ready');
  open(transport);
  await ready;
}

function open(transport: keyof typeof OPEN): void {
  const target = {
    baseUrl: server.baseUrl,
    headers: {},
    machineId: 'mac-a',
    instance: 'one',
    waitSeconds: 30,
    server: newestServer(),
  };
  channel = OPEN[transport](target, {
    onEvent: ({ event }) => void heard.dispatchEvent(new Event(event)),
  });
  void channel.ended.then((ended) => {
    end = ended;
  });
}

async function say(event: 'job.available'): Promise<void> {
  const told = once(heard, event);
  server.tell({ event, data: {} });
  await told;
}

describe.each(['sse', 'ws'] as const)('a link over %s', (transport) => {
  it('is dead after 2.5 keep-alives of silence, and not before', async () => {
    expect(DEAD_AFTER_MS).toBe(2.5 * KEEP_ALIVE_MS);
    server.isMute = true;
    await listen(transport);
    await vi.advanceTimersByTimeAsync(DEAD_AFTER_MS - 1);
    expect(end).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(await channel.ended).toEqual(SILENT);
  });

  it('is dead if the first message does not arrive within a keep-alive', async () => {
    server.swallows = true;
    open(transport);
    await vi.advanceTimersByTimeAsync(FIRST_WORD_MS - 1);
    expect(end).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(await channel.ended).toEqual(SILENT);
  });

  it('stays alive after any received message', async () => {
    server.isMute = true;
    await listen(transport);
    await vi.advanceTimersByTimeAsync(DEAD_AFTER_MS - 1);
    await say('job.available');
    await vi.advanceTimersByTimeAsync(DEAD_AFTER_MS - 1);
    expect(end).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(await channel.ended).toEqual(SILENT);
  });
});

describe('a stream that the server ends with timeout', () => {
  it('counts as finished at its time limit, and as failed if the server disappears', async () => {
    for (const [reason, kind] of [
      ['timeout', 'finished'],
      ['reconnect', 'broken'],
    ] as const) {
      await listen('sse');
      server.tell({ event: 'timeout', data: { ok: true, jobAvailable: false, reason } });
      expect(await channel.ended).toMatchObject({ kind });
    }
  });
});
