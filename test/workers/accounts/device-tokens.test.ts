/** An account has a bounded number of device tokens, and the devices that work stay signed in. */

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { BOUNDS } from '../../../spec/bounds.ts';
import { deviceLogin, getMe } from '../../../spec/contract/auth.ts';
import { CLOSE_CODES } from '../../../spec/transport/events.ts';
import { accepts, send } from '../harness/call.ts';
import { advance, currentTime, DAY, MINUTE } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import { eventually } from '../harness/eventually.ts';
import { aMachine } from '../harness/machines.ts';
import { fireCron } from '../harness/objects.ts';
import { hashOf } from '../harness/passwords.ts';
import { aPerson, type Person } from '../harness/people.ts';
import { closeChannels, listenOverWs } from '../harness/streams.ts';

const PASSWORD = 'open sesame 42';

/** So many more devices, signed in a moment ago (`revokedAt`: and out). */
async function addDevices(
  { userId }: Person,
  { count, revokedAt = null }: { count: number; revokedAt?: number | null },
): Promise<void> {
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
     INSERT INTO device_tokens (hash, user_id, device_name, created_at, revoked_at)
     SELECT hex(randomblob(32)), ?2, 'test', ?3, ?4 + i FROM n`,
  )
    .bind(count, userId, currentTime(), revokedAt)
    .run();
}

async function tokensOf({ userId }: Person): Promise<{ live: number; revoked: number }> {
  const row = await env.DB.prepare(
    'SELECT count(*) - count(revoked_at) AS live, count(revoked_at) AS revoked FROM device_tokens WHERE user_id = ?',
  )
    .bind(userId)
    .first<{ live: number; revoked: number }>();
  return row ?? { live: -1, revoked: -1 };
}

async function signIn({ email }: Person): Promise<Person['token']> {
  const reply = await accepts(deviceLogin, { body: { email, password: PASSWORD } });
  if (!('token' in reply)) throw new Error('no token');
  return reply.token;
}

const worksFor = async (as: Person) => (await send(getMe, { as })).status === 200;

describe('a sign-in beyond the bound', () => {
  it('signs out the device that was not used for the longest time, and nobody who works', async () => {
    const owner = await aPerson({ passwordHash: hashOf(PASSWORD) });
    advance(MINUTE);
    const idle = { ...owner, token: await signIn(owner) };
    advance(2 * DAY);
    // The first device is older than all others, and in use.
    expect(await worksFor(owner)).toBe(true);
    await eventually(async () => {
      const used = 'SELECT count(used_at) AS used FROM device_tokens WHERE user_id = ?';
      expect(await env.DB.prepare(used).bind(owner.userId).first('used')).toBe(1);
    });
    await addDevices(owner, { count: BOUNDS.deviceTokens - 2 });
    const newest = { ...owner, token: await signIn(owner) };
    expect(await worksFor(idle)).toBe(false);
    expect(await worksFor(owner)).toBe(true);
    expect(await worksFor(newest)).toBe(true);
    expect(await tokensOf(owner)).toEqual({ live: BOUNDS.deviceTokens, revoked: 1 });
  });

  it('closes the channel that the displaced device holds open', async () => {
    const owner = await aPerson({ passwordHash: hashOf(PASSWORD) });
    const machine = await aMachine({ owner });
    advance(MINUTE);
    const socket = await listenOverWs(machine);
    advance(2 * DAY);
    await addDevices(owner, { count: BOUNDS.deviceTokens - 1 });
    await signIn(owner);
    expect((await socket.closed).code).toBe(CLOSE_CODES.unauthorized);
    await closeChannels();
  });

  it('keeps no more revoked tokens than the bound', async () => {
    const owner = await aPerson({ passwordHash: hashOf(PASSWORD) });
    await addDevices(owner, { count: BOUNDS.deviceTokens + 50, revokedAt: currentTime() });
    await signIn(owner);
    expect(await tokensOf(owner)).toEqual({ live: 2, revoked: BOUNDS.deviceTokens });
  });
});

describe('a token in use', () => {
  it('is noted once a day', async () => {
    const owner = await aPerson();
    await worksFor(owner);
    advance(DAY);
    const usedAt = () =>
      env.DB.prepare('SELECT used_at AS at FROM device_tokens WHERE user_id = ?')
        .bind(owner.userId)
        .first<number | null>('at');
    expect(await usedAt()).toBeNull();
    await worksFor(owner);
    await eventually(async () => expect(await usedAt()).toBe(currentTime()));
    const noted = currentTime();
    advance(DAY - MINUTE);
    expect((await billOf(() => worksFor(owner))).written).toBe(0);
    expect(await usedAt()).toBe(noted);
  });
});

describe('a revoked token', () => {
  it('is deleted after 30 days, and one that counts never', async () => {
    const owner = await aPerson();
    await addDevices(owner, { count: 3, revokedAt: currentTime() });
    advance(30 * DAY - MINUTE);
    await fireCron();
    expect(await tokensOf(owner)).toEqual({ live: 1, revoked: 3 });
    advance(2 * MINUTE);
    await fireCron();
    expect(await tokensOf(owner)).toEqual({ live: 1, revoked: 0 });
  });
});
