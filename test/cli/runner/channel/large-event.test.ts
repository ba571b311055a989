/** What a server sends on a channel cannot fill the memory of a runner: more than an event may have ends the channel. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Channel } from '../../../../cli/runner/channel/channel.ts';
import { openSseChannel } from '../../../../cli/runner/channel/sse-channel.ts';
import { openWsChannel } from '../../../../cli/runner/channel/ws-channel.ts';
import { MAX_EVENT_BYTES } from '../../../../spec/transport/events.ts';
import { newestServer } from '../../../support/known-server.ts';
import { type PushServer, startPushServer } from './push-server.ts';

const OPEN = { sse: openSseChannel, ws: openWsChannel };
const TEXT = 1;
const CONTINUATION = 0;

let server: PushServer;
let channel: Channel;
let heard: string[];

beforeEach(async () => {
  server = await startPushServer();
  heard = [];
});

afterEach(async () => {
  channel.close();
  await server.close();
});

async function listen(transport: keyof typeof OPEN): Promise<void> {
  const opened = server.nextOpen();
  const ready = Promise.withResolvers<void>();
  const target = {
    baseUrl: server.baseUrl,
    headers: {},
    machineId: 'mac-a',
    instance: 'one',
    waitSeconds: 30,
    server: newestServer(),
  };
  channel = OPEN[transport](target, {
    onEvent: ({ event }) => {
      heard.push(event);
      ready.resolve();
    },
  });
  await Promise.all([opened, ready.promise]);
}

/** The header of a frame that says how long it is; what it has comes later, or never. */
function header(length: number, { opcode = TEXT, isLast = true } = {}): Buffer {
  const bytes = Buffer.alloc(10);
  bytes[0] = (isLast ? 0x80 : 0) + opcode;
  bytes[1] = 127;
  bytes.writeBigUInt64BE(BigInt(length), 2);
  return bytes;
}

function eventOf(size: number): string {
  const event = (text: string) => JSON.stringify({ event: 'job.available', data: { text } });
  return event('x'.repeat(size - event('').length));
}

describe('a WebSocket', () => {
  it('accepts an event at the size limit', async () => {
    await listen('ws');
    const text = eventOf(MAX_EVENT_BYTES);
    server.tellBytes(Buffer.concat([header(text.length), Buffer.from(text)]));
    await expect.poll(() => heard).toEqual(['ready', 'job.available']);
  });

  it('ends if the header of a frame announces a larger event, before the frame has arrived', async () => {
    await listen('ws');
    const closed = server.nextClose();
    server.tellBytes(header(MAX_EVENT_BYTES + 1));
    expect(await channel.ended).toMatchObject({ kind: 'broken' });
    expect(await closed).toBe(1009);
  });

  it('ends if a fragmented message is too large or never ends', async () => {
    const piece = (size: number, opcode: number) =>
      Buffer.concat([header(size, { opcode, isLast: false }), Buffer.alloc(size, 'x')]);
    for (const [size, pieces] of [
      [16 * 1024, 5],
      [1, 200],
    ] as const) {
      await listen('ws');
      server.tellBytes(piece(size, TEXT));
      for (let i = 1; i < pieces; i += 1) server.tellBytes(piece(size, CONTINUATION));
      expect(await channel.ended).toMatchObject({ kind: 'broken' });
    }
  });
});

describe('a stream', () => {
  it('accepts an event at the size limit', async () => {
    await listen('sse');
    const data = JSON.stringify({ text: 'x'.repeat(MAX_EVENT_BYTES - 1024) });
    server.tellBytes(Buffer.from(`event: job.available\ndata: ${data}\n\n`));
    await expect.poll(() => heard).toEqual(['ready', 'job.available']);
  });

  it.each([
    ['a line without an end', () => Buffer.from(`data: ${'x'.repeat(2 * MAX_EVENT_BYTES)}`)],
    ['an event of many lines', () => Buffer.from('data: x\n'.repeat(MAX_EVENT_BYTES))],
  ])('ends at %s', async (_what, bytes) => {
    await listen('sse');
    server.tellBytes(bytes());
    expect(await channel.ended).toEqual({ kind: 'broken', message: 'an event is too large' });
  });
});
