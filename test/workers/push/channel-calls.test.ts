/** Heartbeats, output, messages and receipts over the WebSocket: the rules of the requests that they stand for. */

import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type ChannelRow,
  channelReply,
  MAX_CALL_BYTES,
  MAX_OPEN_CALLS,
} from '../../../spec/contract/events.ts';
import { cancelJob, readTranscript } from '../../../spec/contract/jobs.ts';
import { accepts } from '../harness/call.ts';
import { advance, MINUTE, SECOND } from '../harness/clock.ts';
import { billOf, withFault } from '../harness/d1-meter.ts';
import type { Held } from '../harness/machines.ts';
import { aMachine, aPrompt, beat, claimAndStart, show } from '../harness/machines.ts';
import { evict } from '../harness/objects.ts';
import { closeChannels, get, openSocket, type Socket } from '../harness/streams.ts';

afterEach(closeChannels);

let calls = 0;

/** A runner that listens and works on a job. */
async function aTalker(): Promise<{ held: Held; socket: Socket }> {
  const machine = await aMachine();
  await aPrompt(machine);
  const held = await claimAndStart(machine);
  const socket = await openSocket(machine, 'one');
  const ready = await socket.next();
  expect(ready).toMatchObject({ event: 'ready', data: { maxCallBytes: MAX_CALL_BYTES } });
  return { held, socket };
}

async function call(
  socket: Socket,
  name: ChannelRow,
  { body, params = {} }: { body: unknown; params?: Record<string, string> },
): Promise<{ status: number; body: Record<string, unknown>; headers: Record<string, string> }> {
  calls += 1;
  const id = calls;
  socket.send(JSON.stringify({ call: id, name, params, body }));
  const reply = channelReply.parse(await socket.nextFrame((frame) => frame.reply === id));
  return { status: reply.status, body: JSON.parse(reply.text), headers: reply.headers };
}

const fence = ({ machine, leaseId }: Held) => ({ machineId: machine.machineId, leaseId });

function sendBeat(socket: Socket, held: Held) {
  return call(socket, 'heartbeat', { body: { ...fence(held), jobId: held.jobId } });
}

function sendChunk(socket: Socket, held: Held, seq: number) {
  const text = `line ${seq}\n`;
  const body = { ...fence(held), chunks: [{ seq, stream: 'stdout', text }] };
  return call(socket, 'addLogs', { params: { jobId: held.jobId }, body });
}

async function textsOf({ machine, jobId }: Held): Promise<string[]> {
  const page = await accepts(readTranscript, { as: machine.owner, params: { jobId }, query: {} });
  return page.entries.map(({ text }) => text);
}

describe('a call over the channel', () => {
  it('renews the lease like a heartbeat, and its answer names the extensions', async () => {
    const { held, socket } = await aTalker();
    advance(30 * SECOND);
    const { status, body, headers } = await sendBeat(socket, held);
    expect({ status, body }).toEqual({ status: 200, body: await beat(held) });
    expect(headers['orp-capabilities']).toContain('chunks');
  });

  it('adds output and messages, in order and once, whichever way each of them comes', async () => {
    const { held, socket } = await aTalker();
    expect((await sendChunk(socket, held, 1)).body).toMatchObject({ accepted: 1, received: 1 });
    const message = { ...fence(held), sender: 'agent', content: 'Half way.', seq: 2 };
    await call(socket, 'addMessage', { params: { jobId: held.jobId }, body: message });
    // The answer to a call was lost, so the runner sends it again.
    await sendChunk(socket, held, 1);
    expect((await sendChunk(socket, held, 3)).body).toMatchObject({ received: 3 });
    expect(await textsOf(held)).toEqual(['line 1\n', 'Half way.', 'line 3\n']);
  });

  it('records the receipt of a cancel, with the address and the program of the runner', async () => {
    const { held, socket } = await aTalker();
    await accepts(cancelJob, { as: held.machine.owner, params: { jobId: held.jobId }, body: {} });
    const receipt = { processes: 2, signal: 'SIGINT', tookMs: 12, at: new Date().toISOString() };
    const { status } = await call(socket, 'cancelJob', {
      params: { jobId: held.jobId },
      body: { ...fence(held), receipt },
    });
    expect(status).toBe(200);
    expect(await show(held.machine.owner, held.jobId)).toMatchObject({
      cancel: { receipt: { processes: 2 } },
    });
  });

  it('is refused as the request would be: another lease, an ended job, a body with a wrong field', async () => {
    const { held, socket } = await aTalker();
    const stranger = { ...held, leaseId: 'lease_other' };
    expect(await sendChunk(socket, stranger, 1)).toMatchObject({ status: 409, body: { code: 'lease_lost' } });
    const wrong = await call(socket, 'addLogs', { params: { jobId: held.jobId }, body: { chunks: 7 } });
    expect(wrong).toMatchObject({
      status: 400,
      body: { code: 'invalid_input', requestId: expect.stringMatching(/^req_/) },
    });
    expect(await call(socket, 'addLogs', { body: fence(held) })).toMatchObject({ status: 404 });
    await accepts(cancelJob, { as: held.machine.owner, params: { jobId: held.jobId }, body: {} });
    expect((await sendBeat(socket, held)).body).toMatchObject({ lease: { valid: false, action: 'stop' } });
  });

  it('cannot speak for a machine of another account', async () => {
    const { socket } = await aTalker();
    const other = await aTalker();
    expect(await sendBeat(socket, other.held)).toMatchObject({ status: 403 });
    expect((await textsOf(other.held)).length).toBe(0);
  });

  it('works after the object has lost its memory, and reads D1 no more often than a request', async () => {
    const { held, socket } = await aTalker();
    await evict(held.machine);
    expect((await sendBeat(socket, held)).status).toBe(200);
    const { trips, written } = await billOf(() => sendBeat(socket, held));
    expect({ trips, written }).toEqual({ trips: 0, written: 0 });
  });
});

describe('a channel whose token was revoked', () => {
  it('takes no call after 30 s, even if the object was never told', async () => {
    const { held, socket } = await aTalker();
    await sendBeat(socket, held);
    await env.DB.prepare('UPDATE device_tokens SET revoked_at = 1 WHERE user_id = ?')
      .bind(held.machine.owner.userId)
      .run();
    advance(MINUTE);
    expect(await sendBeat(socket, held)).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    expect((await socket.closed).code).toBe(4003);
  });
});

describe('a channel that sends anything else', () => {
  it.each([
    ['words', 'hello'],
    ['a call of a route that is always a request', JSON.stringify({ call: 1, name: 'claimJob', body: {} })],
    [
      'an id that leaves the path',
      JSON.stringify({ call: 1, name: 'addLogs', params: { jobId: '../x' }, body: {} }),
    ],
    ['too much at once', JSON.stringify({ call: 1, name: 'heartbeat', body: 'x'.repeat(MAX_CALL_BYTES) })],
  ])('is closed: %s', async (_, frame) => {
    const { socket } = await aTalker();
    socket.send(frame);
    expect((await socket.closed).code).toBe(1008);
  });

  it('is closed if it sends more calls than the server answers', async () => {
    const { held, socket } = await aTalker();
    // D1 must confirm the token now, and does not answer.
    advance(MINUTE);
    const answers = Promise.withResolvers<void>();
    await withFault({ hold: () => answers.promise }, async () => {
      const body = { ...fence(held), jobId: held.jobId };
      for (let sent = 0; sent <= MAX_OPEN_CALLS; sent += 1)
        socket.send(JSON.stringify({ call: sent, name: 'heartbeat', body }));
      expect((await socket.closed).code).toBe(1008);
      answers.resolve();
    });
  });
});

describe('an event stream', () => {
  it('announces no calls, because its client cannot send any', async () => {
    const machine = await aMachine();
    const path = `/api/cli/runner/events/stream?machineId=${machine.machineId}&waitSeconds=60&persistent=1`;
    const response = await get(path, machine.owner);
    const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    let text = '';
    while (!text.includes('ready')) text += new TextDecoder().decode((await reader.read()).value);
    expect(text).not.toContain('maxCallBytes');
    await reader.cancel();
  });
});
