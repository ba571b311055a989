/** The newest instance wins, but only once it stands: a channel that is refused or fails changes nothing for the older one. */

import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it } from 'vitest';
import { getMe } from '../../../spec/contract/auth.ts';
import { CLOSE_CODES } from '../../../spec/transport/events.ts';
import { accepts, expectRefusal } from '../harness/call.ts';
import { currentTime } from '../harness/clock.ts';
import { withFault } from '../harness/d1-meter.ts';
import { eventually } from '../harness/eventually.ts';
import type { Machine } from '../harness/machines.ts';
import { aMachine, aPrompt, claimAndStart } from '../harness/machines.ts';
import { inside } from '../harness/objects.ts';
import { aToken, sha256Hex } from '../harness/people.ts';
import {
  closeChannels,
  get,
  listenOverSse,
  listenOverWs,
  openStream,
  streamPath,
} from '../harness/streams.ts';

afterEach(closeChannels);

/** Another token of the same person, revoked by another isolate: this one goes on to trust it. */
async function aRevokedToken(userId: string): Promise<string> {
  const token = await aToken(userId);
  await accepts(getMe, { as: { userId: '', email: '', token } });
  await env.DB.prepare('UPDATE device_tokens SET revoked_at = ? WHERE hash = ?')
    .bind(currentTime(), await sha256Hex(token))
    .run();
  return token;
}

/** The instances whose channel is open at the object. */
function openInstances(machine: Machine): Promise<string[]> {
  return inside(machine, (state) =>
    state
      .getWebSockets('runner')
      .filter((socket) => socket.readyState === WebSocket.OPEN)
      .map((socket) => (socket.deserializeAttachment() as { instance: string }).instance),
  );
}

async function recordedInstance({ machineId }: Machine): Promise<string | null> {
  const read = env.DB.prepare('SELECT listening_instance AS instance FROM machines WHERE id = ?');
  return (await read.bind(machineId).first<{ instance: string | null }>())?.instance ?? null;
}

/** D1 is away for the statements whose text `matches`. */
function failing(matches: RegExp) {
  return {
    before: (sql: string) => {
      if (matches.test(sql)) throw new Error('D1_ERROR: Network connection lost.');
    },
  };
}

describe('the runner that listens stays', () => {
  it('when a revoked token connects', async () => {
    const machine = await aMachine();
    const older = await listenOverWs(machine, 'one');
    const token = await aRevokedToken(machine.owner.userId);
    const response = await get(streamPath(machine, { instance: 'two' }), { ...machine.owner, token });
    const { status, headers } = response;
    expectRefusal({ status, headers, text: await response.text() }, 'unauthenticated');
    expect(await older.told()).toEqual([]);
    expect(await openInstances(machine)).toEqual(['one']);
    expect(await recordedInstance(machine)).toBe('one');
  });

  it.each([
    ['the look at the queue', /FROM jobs/],
    ['the look at the token', /device_tokens.*revoked_at|revoked_at.*device_tokens/s],
    ['the record of who listens', /UPDATE machines SET listening/],
  ])('when %s fails for the new channel, which is closed', async (_, matches) => {
    const machine = await aMachine();
    const older = await listenOverWs(machine, 'one');
    const response = await withFault(failing(matches), () =>
      get(streamPath(machine, { instance: 'two' }), machine.owner),
    );
    expect(response.status).toBe(503);
    await response.body?.cancel();
    expect(await older.told()).toEqual([]);
    expect(await openInstances(machine)).toEqual(['one']);
    expect(await recordedInstance(machine)).toBe('one');
    await aPrompt(machine);
    expect((await older.next()).event).toBe('job.available');
  });
});

describe('of two that connect at once', () => {
  it('the one that came later stays, although the checks of the earlier one took longer', async () => {
    const machine = await aMachine();
    // Flags, because a promise must not be settled in one object's context and awaited in another's.
    let isEarlierPaused = false;
    let isReleased = false;
    const pauseAfterRead = (sql: string) => {
      if (isEarlierPaused || !/FROM linked_projects/.test(sql)) return undefined;
      isEarlierPaused = true;
      return eventually(() => expect(isReleased).toBe(true));
    };
    await withFault({ pauseAfterRead }, async () => {
      const opening = openStream(machine, { instance: 'earlier', persistent: '1' });
      await eventually(() => expect(isEarlierPaused).toBe(true));
      const later = await listenOverWs(machine, 'later');
      isReleased = true;
      const event = await (await opening).next();
      expect(event?.event).toBe('error');
      expect(JSON.parse(event?.data ?? '')).toMatchObject({ code: 'replaced', instance: 'later' });
      expect(await later.told()).toEqual([]);
    });
    expect(await openInstances(machine)).toEqual(['later']);
    expect(await recordedInstance(machine)).toBe('later');
  });
});

describe('a runner that is replaced', () => {
  it('reads in the close of its socket who took over', async () => {
    const machine = await aMachine();
    const older = await listenOverWs(machine, 'one');
    await listenOverSse(machine, { instance: 'two' });
    expect(await older.closed).toEqual({ code: CLOSE_CODES.replaced, reason: 'replaced by two' });
  });

  it('is closed by a newcomer whose name is longer than a close frame takes', async () => {
    const machine = await aMachine();
    const older = await listenOverWs(machine, 'older');
    await listenOverWs(machine, '潮'.repeat(64));
    const { code, reason } = await older.closed;
    expect(code).toBe(CLOSE_CODES.replaced);
    expect(reason).toMatch(/^replaced by 潮+$/);
  });

  it('gets the events that arrive while the new channel is checked, and so does the new channel', async () => {
    const machine = await aMachine();
    const older = await listenOverWs(machine, 'one');
    let isFirst = true;
    const pauseAfterRead = (sql: string) => {
      if (!isFirst || !/FROM linked_projects/.test(sql)) return undefined;
      isFirst = false;
      return aPrompt(machine).then(() => undefined);
    };
    const newer = await withFault({ pauseAfterRead }, () => openStream(machine, { instance: 'two' }));
    expect((await older.next()).event).toBe('job.available');
    expect(await newer.rest()).toContain('job.available');
  });
});

describe('a follower', () => {
  it('leaves no channel behind when D1 fails while it connects', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    await claimAndStart(machine);
    const path = `/api/cli/runner/jobs/${jobId}/events`;
    const fault = failing(/device_tokens.*revoked_at|revoked_at.*device_tokens/s);
    const response = await withFault(fault, () => get(path, machine.owner));
    expect(response.status).toBe(503);
    await response.body?.cancel();
    await eventually(async () =>
      expect(
        await inside(
          machine,
          (state) => state.getWebSockets(`job:${jobId}`).filter((socket) => socket.readyState === 1).length,
        ),
      ).toBe(0),
    );
  });
});
