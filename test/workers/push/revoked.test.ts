/** A revoked token holds no channel open. */

import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { getMe, revokeToken } from '../../../spec/contract/auth.ts';
import { CLOSE_CODES, KEEP_ALIVE_FRAME, KEEP_ALIVE_MS } from '../../../spec/transport/events.ts';
import { accepts, expectRefusal } from '../harness/call.ts';
import { currentTime } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import type { Machine } from '../harness/machines.ts';
import { aMachine, aPrompt, claimAndStart } from '../harness/machines.ts';
import { evict } from '../harness/objects.ts';
import type { Person } from '../harness/people.ts';
import { aPerson, aToken, sha256Hex } from '../harness/people.ts';
import { closeChannels, get, listenOverSse, listenOverWs, Stream, streamPath } from '../harness/streams.ts';

afterEach(async () => {
  await closeChannels();
  vi.unstubAllGlobals();
});

function signOut(as: Person) {
  return accepts(revokeToken, { as });
}

/** The same machine by another device of its owner. */
async function byAnotherDevice(machine: Machine): Promise<Machine> {
  const { owner } = machine;
  return { ...machine, owner: { ...owner, token: await aToken(owner.userId) } };
}

/** Keep-alives come every few milliseconds, still from the request that holds the stream. */
function hurryKeepAlives(): void {
  const start = globalThis.setInterval;
  vi.stubGlobal('setInterval', (tick: () => void, ms: number) => start(tick, ms === KEEP_ALIVE_MS ? 5 : ms));
}

/** As another isolate does it: this one goes on to trust the token. */
async function revokeElsewhere({ token }: Person): Promise<void> {
  await accepts(getMe, { as: { userId: '', email: '', token } });
  await env.DB.prepare('UPDATE device_tokens SET revoked_at = ? WHERE hash = ?')
    .bind(currentTime(), await sha256Hex(token))
    .run();
}

describe('signing out', () => {
  it('closes the WebSocket of the token, and says why', async () => {
    const machine = await aMachine();
    const socket = await listenOverWs(machine);
    await signOut(machine.owner);
    expect(await socket.next()).toMatchObject({ event: 'error', data: { code: 'unauthenticated' } });
    expect(await socket.closed).toEqual({ code: CLOSE_CODES.unauthorized, reason: 'unauthenticated' });
  });

  it('ends the event stream of the token, and says why', async () => {
    const machine = await aMachine();
    const stream = await listenOverSse(machine);
    await signOut(machine.owner);
    const end = await stream.next();
    expect(end?.event).toBe('error');
    expect(JSON.parse(end?.data ?? '')).toMatchObject({ code: 'unauthenticated' });
    expect(await stream.next()).toBeUndefined();
  });

  it('closes it in an object that has lost its memory', async () => {
    const machine = await aMachine();
    const socket = await listenOverWs(machine);
    await evict(machine);
    await signOut(machine.owner);
    expect((await socket.closed).code).toBe(CLOSE_CODES.unauthorized);
  });

  it('closes it on every machine of the account, and spares other tokens and other people', async () => {
    const first = await aMachine();
    const second = await aMachine({ owner: first.owner });
    const spared = await byAnotherDevice(await aMachine({ owner: first.owner }));
    const stranger = await aMachine();
    const closing = [await listenOverWs(first), await listenOverWs(second)];
    const staying = [await listenOverWs(spared), await listenOverWs(stranger)];
    await signOut(first.owner);
    for (const socket of closing) expect((await socket.closed).code).toBe(CLOSE_CODES.unauthorized);
    for (const socket of staying) {
      socket.send('ping');
      expect(await socket.frame()).toBe('pong');
    }
  });

  it('ends what its owner follows, without a query before', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    await claimAndStart(machine);
    hurryKeepAlives();
    const stream = new Stream(await get(`/api/cli/runner/jobs/${jobId}/events`, machine.owner));
    expect((await stream.next())?.event).toBe('status');
    const { read } = await billOf(async () => {
      for (let count = 0; count < 3; count += 1) expect(await stream.piece()).toBe(KEEP_ALIVE_FRAME);
    });
    expect(read).toBe(0);
    await signOut(machine.owner);
    expect((await stream.next())?.event).toBe('timeout');
    expect(await stream.next()).toBeUndefined();
  });

  it('writes one row for the token, one for each machine that listens no more, and few for the audit log', async () => {
    const machine = await aMachine();
    const socket = await listenOverWs(machine);
    const { written } = await billOf(async () => {
      await signOut(machine.owner);
      await socket.closed;
    });
    expect(written).toBeLessThanOrEqual(5);
  });
});

describe('a token that was revoked elsewhere', () => {
  it('opens no channel, though this isolate still trusts it', async () => {
    const machine = await aMachine();
    await revokeElsewhere(machine.owner);
    const response = await get(streamPath(machine), machine.owner);
    const { status, headers } = response;
    expectRefusal({ status, headers, text: await response.text() }, 'unauthenticated');
  });

  it('follows no job, though this isolate still trusts it', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    await revokeElsewhere(machine.owner);
    const response = await get(`/api/cli/runner/jobs/${jobId}/events`, machine.owner);
    const { status, headers } = response;
    expectRefusal({ status, headers, text: await response.text() }, 'unauthenticated');
  });

  it('ends what an operator follows with the next keep-alive', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    await claimAndStart(machine);
    const reader = await aPerson({ role: 'operator' });
    hurryKeepAlives();
    const stream = new Stream(await get(`/api/cli/runner/jobs/${jobId}/events`, reader));
    expect((await stream.next())?.event).toBe('status');
    expect(await stream.piece()).toBe(KEEP_ALIVE_FRAME);
    await revokeElsewhere(reader);
    expect((await stream.next())?.event).toBe('timeout');
    expect(await stream.next()).toBeUndefined();
  });
});
