/** Calls over the channel: when they are sent there, and that each of them ends, whatever happens to the channel. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type CallLine, ChannelCarrier } from '../../../../cli/runner/channel/carrier.ts';
import { claimJob, heartbeat } from '../../../../spec/contract/runner.ts';

let carrier: ChannelCarrier;
let frames: { call: number; name: string; params: object; body: object }[];

const SERVER = { baseUrl: 'http://server.invalid', token: 'dvt_one' };

beforeEach(() => {
  carrier = new ChannelCarrier();
  frames = [];
});

afterEach(() => {
  vi.useRealTimers();
});

function line(options: Partial<CallLine> = {}): CallLine {
  return { ...SERVER, maxBytes: 1000, send: (frame) => frames.push(JSON.parse(frame)) > 0, ...options };
}

function beat(options: Partial<Parameters<ChannelCarrier['carry']>[0]> = {}) {
  const body = '{"machineId":"mac-1"}';
  return carrier.carry({ row: heartbeat, params: {}, body, ...SERVER, signal: undefined, ...options });
}

function answer(call: number | undefined, text = '{"ok":true}'): boolean {
  return carrier.hear(
    JSON.stringify({ reply: call, status: 200, headers: { 'orp-capabilities': 'jobs' }, text }),
  );
}

describe('a call over the channel', () => {
  it('gets the answer to its number, with status and headers, even out of order', async () => {
    carrier.use(line());
    const calls = [beat(), beat({ body: '{"machineId":"mac-2"}' })];
    expect(frames).toMatchObject([
      { name: 'heartbeat', body: { machineId: 'mac-1' } },
      { body: { machineId: 'mac-2' } },
    ]);
    answer(frames[1]?.call, '{"second":true}');
    answer(frames[0]?.call, '{"first":true}');
    const [first, second] = await Promise.all(calls);
    expect([first?.text, second?.text]).toEqual(['{"first":true}', '{"second":true}']);
    expect(first?.headers.get('orp-capabilities')).toBe('jobs');
  });

  it.each([
    ['there is no channel', () => undefined],
    ['the channel belongs to another sign-in', () => carrier.use(line({ token: 'dvt_other' }))],
    ['the channel leads to another server', () => carrier.use(line({ baseUrl: 'http://other.invalid' }))],
    ['the call is too large', () => carrier.use(line({ maxBytes: 20 }))],
    ['the connection is not writable', () => carrier.use(line({ send: () => false }))],
  ])('becomes a request if %s', async (_, prepare) => {
    prepare();
    expect(await beat()).toBeUndefined();
    expect(frames).toEqual([]);
  });

  it('is never a claim, a start or a completion', async () => {
    carrier.use(line());
    expect(await beat({ row: claimJob })).toBeUndefined();
    expect(frames).toEqual([]);
  });

  it('becomes a request at once when the channel ends before the answer', async () => {
    const end = carrier.use(line());
    const calls = [beat(), beat()];
    end();
    expect(await Promise.all(calls)).toEqual([undefined, undefined]);
    expect(await beat()).toBeUndefined();
  });

  it('uses the newer channel, and the late end of the older one does not close it', async () => {
    const endOlder = carrier.use(line({ send: () => false }));
    carrier.use(line());
    endOlder();
    const call = beat();
    answer(frames[0]?.call);
    expect((await call)?.status).toBe(200);
  });

  it('becomes a request after ten seconds without an answer, and the channel is not used again', async () => {
    vi.useFakeTimers();
    carrier.use(line());
    const call = beat();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await call).toBeUndefined();
    expect(await beat()).toBeUndefined();
    expect(frames).toHaveLength(1);
  });

  it('ignores a torn reply, a reply that nobody waits for, and a status that no server sends', async () => {
    const end = carrier.use(line());
    const call = beat();
    expect(carrier.hear('{"reply":1,"status"')).toBe(true);
    expect(carrier.hear(JSON.stringify({ reply: frames[0]?.call, status: 7, headers: {}, text: '' }))).toBe(
      true,
    );
    expect(answer(999)).toBe(true);
    expect(carrier.hear('{"event":"ready","data":{}}')).toBe(false);
    end();
    expect(await call).toBeUndefined();
  });

  it('ends when its caller aborts', async () => {
    carrier.use(line());
    const giveUp = new AbortController();
    const call = beat({ signal: giveUp.signal });
    giveUp.abort();
    expect(await call).toBeUndefined();
  });
});
