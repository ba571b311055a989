/** Which transport acts, when `auto` steps down and climbs back, and how often it tries: with a clock of our own. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Channel, ChannelEnd, OpenChannel } from '../../../../cli/runner/channel/channel.ts';
import type { ListenerOptions } from '../../../../cli/runner/channel/listener.ts';
import { Listener, SAFETY_POLL_MS } from '../../../../cli/runner/channel/listener.ts';
import type { ChannelEvent } from '../../../../spec/transport/events.ts';
import { newestServer } from '../../../support/known-server.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const STREAM = 15 * MINUTE;
const never = new AbortController().signal;
const BROKEN: ChannelEnd = { kind: 'broken', message: 'cut' };

/** One channel that the test plays the other end of. */
interface Line {
  transport: 'ws' | 'sse';
  isOpen: boolean;
  hear(event: ChannelEvent['event']): void;
  end(end: ChannelEnd): void;
}

let listener: Listener;
let lines: Line[];
let told: string[];
/** Transports that cannot be opened now. */
let broken: Set<'ws' | 'sse'>;

beforeEach(() => {
  vi.useFakeTimers();
  lines = [];
  told = [];
  broken = new Set();
});

afterEach(() => {
  listener.close();
  vi.useRealTimers();
});

function opener(transport: 'ws' | 'sse'): OpenChannel {
  return (_, { onEvent }): Channel => {
    const ended = Promise.withResolvers<ChannelEnd>();
    const line: Line = {
      transport,
      isOpen: true,
      hear: (event) => onEvent({ event, data: {} }),
      end(end) {
        line.isOpen = false;
        ended.resolve(end);
      },
    };
    lines.push(line);
    queueMicrotask(() => {
      if (broken.has(transport)) line.end(BROKEN);
      else line.hear('ready');
    });
    return { transport, ended: ended.promise, close: () => line.end({ kind: 'broken', message: 'closed' }) };
  };
}

async function listen(overrides: Partial<ListenerOptions> = {}): Promise<void> {
  listener = new Listener({
    target: {
      baseUrl: 'http://nowhere.invalid',
      headers: {},
      machineId: 'mac-a',
      instance: 'one',
      waitSeconds: 30,
      server: newestServer(),
    },
    choice: 'auto',
    pollIntervalMs: 30 * SECOND,
    onControl: () => undefined,
    onEnd: () => undefined,
    onChange: ({ transport, up }) => void told.push(`${transport} ${up ? 'up' : 'down'}`),
    open: { ws: opener('ws'), sse: opener('sse') },
    random: () => 0.5,
    ...overrides,
  });
  await pass(0);
}

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

function opened(): string[] {
  return lines.splice(0).map(({ transport }) => transport);
}

function current(): Line {
  const open = lines.filter((line) => line.isOpen);
  expect(open).toHaveLength(1);
  return open[0] as Line;
}

/** How long the next wait lasts when nothing asks for a look before, and what ends it. */
async function nextPause(): Promise<{ reason: string | undefined; afterMs: number }> {
  const from = performance.now();
  let ended: { reason: string | undefined; afterMs: number } | undefined;
  void listener.nextPoll(never).then((reason) => {
    ended = { reason, afterMs: performance.now() - from };
  });
  await pass(0);
  while (ended === undefined) await vi.advanceTimersToNextTimerAsync();
  return ended;
}

describe('auto', () => {
  it('opens one WebSocket and nothing else while it is open', async () => {
    await listen();
    await pass(60 * MINUTE);
    expect(opened()).toEqual(['ws']);
    expect(told).toEqual(['ws up']);
  });

  it('falls back to SSE, and tries a WebSocket again when a stream has reached its time limit', async () => {
    broken.add('ws');
    await listen();
    await pass(5 * SECOND);
    expect(told).toEqual(['ws down', 'sse up']);
    broken.delete('ws');
    await pass(STREAM);
    expect(current().transport).toBe('sse');
    current().end({ kind: 'finished' });
    await pass(0);
    expect(current().transport).toBe('ws');
    expect(opened()).toEqual(['ws', 'ws', 'sse', 'ws']);
    expect(told.at(-1)).toBe('ws up');
  });

  it('returns to SSE if the WebSocket is still broken', async () => {
    broken.add('ws');
    await listen();
    await pass(5 * SECOND);
    for (let streams = 0; streams < 3; streams += 1) {
      await pass(STREAM);
      told = [];
      current().end({ kind: 'finished' });
      await pass(5 * SECOND);
      expect(told).toEqual(['ws down', 'sse up']);
    }
  });

  it('polls if no channel works, and tries the channels again after pauses that grow to five minutes', async () => {
    broken.add('ws').add('sse');
    await listen();
    await pass(30 * MINUTE);
    expect(told.at(-1)).toBe('poll up');
    const tries = opened().filter((transport) => transport === 'ws').length;
    expect(tries).toBeGreaterThan(6);
    expect(tries).toBeLessThan(14);
    broken.clear();
    await pass(10 * MINUTE);
    expect(opened()).toEqual(['ws']);
    expect(told.at(-1)).toBe('ws up');
  });

  it('falls back from a transport that opens and is cut repeatedly', async () => {
    await listen();
    for (let cuts = 0; cuts < 2; cuts += 1) {
      await pass(5 * SECOND);
      current().end(BROKEN);
      await pass(5 * SECOND);
    }
    expect(current().transport).toBe('sse');
  });

  it('keeps a transport that worked for a long time and failed once', async () => {
    await listen();
    for (let cuts = 0; cuts < 5; cuts += 1) {
      await pass(5 * MINUTE);
      current().end(BROKEN);
      await pass(5 * SECOND);
    }
    expect(new Set(opened())).toEqual(new Set(['ws']));
    expect(told.at(-1)).toBe('ws up');
  });

  it('never has two channels open', async () => {
    await listen();
    const random = [0.9, 0.1, 0.5, 0.7, 0.3];
    for (let step = 0; step < 200; step += 1) {
      if (step % 7 === 0) broken.add('ws');
      if (step % 11 === 0) broken.delete('ws');
      if (step % 13 === 0) broken.add('sse');
      if (step % 17 === 0) broken.delete('sse');
      lines.find(({ isOpen }) => isOpen)?.end(step % 3 === 0 ? { kind: 'finished' } : BROKEN);
      await pass((random[step % 5] ?? 0) * MINUTE);
      expect(lines.filter(({ isOpen }) => isOpen).length).toBeLessThanOrEqual(1);
    }
  });
});

describe('a stream', () => {
  it('that reached its time limit is followed by the next stream at once, without a poll and without a message', async () => {
    await listen({ choice: 'sse' });
    expect(await listener.nextPoll(never)).toBe('start');
    await pass(STREAM);
    current().end({ kind: 'finished' });
    await pass(0);
    expect(opened()).toEqual(['sse', 'sse']);
    expect(told).toEqual(['sse up']);
    expect((await nextPause()).reason).toBe('safety');
  });

  it('that ends long before its time limit is not reopened at once', async () => {
    await listen({ choice: 'sse' });
    current().end({ kind: 'finished' });
    await pass(SECOND);
    expect(opened()).toEqual(['sse']);
    await pass(4 * SECOND);
    expect(opened()).toEqual(['sse']);
  });
});

describe('looks', () => {
  it('are polled for twice a day while a channel is open', async () => {
    await listen({ choice: 'sse' });
    await listener.nextPoll(never);
    expect(await nextPause()).toEqual({ reason: 'safety', afterMs: SAFETY_POLL_MS });
  });

  it('happen at the poll interval as soon as the channel breaks, also for a current wait', async () => {
    await listen({ choice: 'ws' });
    await listener.nextPoll(never);
    broken.add('ws');
    const looks: (string | undefined)[] = [];
    void listener.nextPoll(never).then((reason) => looks.push(reason));
    await pass(MINUTE);
    current().end(BROKEN);
    await pass(29 * SECOND);
    expect(looks).toEqual([]);
    await pass(SECOND);
    expect(looks).toEqual(['interval']);
    expect((await nextPause()).afterMs).toBeLessThanOrEqual(30 * SECOND);
  });

  it('come with full jitter around the poll interval on polling', async () => {
    for (const [random, afterMs] of [
      [0, 15 * SECOND],
      [0.999, 44_970],
    ] as const) {
      await listen({ choice: 'poll', random: () => random });
      await listener.nextPoll(never);
      expect(await nextPause()).toEqual({ reason: 'interval', afterMs });
      listener.close();
    }
  });

  it('are polled for when a broken channel is open again', async () => {
    await listen({ choice: 'ws' });
    await listener.nextPoll(never);
    current().end(BROKEN);
    const look = listener.nextPoll(never);
    await pass(5 * SECOND);
    expect(await look).toBe('reconnected');
  });
});

describe('another instance of the machine', () => {
  it('keeps the channel, which the older instance never takes back', async () => {
    const ends: string[] = [];
    await listen({ onEnd: ({ kind }) => void ends.push(kind) });
    current().end({ kind: 'replaced', message: 'Another runner of this machine connected.' });
    await pass(60 * MINUTE);
    expect(ends).toEqual(['replaced']);
    expect(opened()).toEqual(['ws']);
    expect(told.at(-1)).toBe('ws down');
  });
});
