/** A terminal gets one token, of the person who approved its code, within ten minutes. */

import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it } from 'vitest';
import { BOUNDS } from '../../../spec/bounds.ts';
import { getMe, startDevice, takeDeviceToken } from '../../../spec/contract/auth.ts';
import {
  approveDevice,
  DEVICE_LIFE_MS,
  denyDevice,
  POLL_EVERY_MS,
  showDevice,
} from '../../../workers/people/device-flow.ts';
import { accepts, refuses, send } from '../harness/call.ts';
import { advance, MINUTE, SECOND } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import { forgetWaitingTerminals, waitingTerminals } from '../harness/links.ts';
import { fireCron } from '../harness/objects.ts';
import { aPerson, type Person } from '../harness/people.ts';
import { deps, signedIn } from '../harness/services.ts';

afterEach(forgetWaitingTerminals);

const by = (userCode: string) => ({ userCode, source: 'a browser' });
const start = (deviceName = 'study') => accepts(startDevice, { body: { deviceName } });
const poll = (deviceCode: string) => send(takeDeviceToken, { body: { deviceCode } });
const waits = () => advance(POLL_EVERY_MS);

async function countRequests(): Promise<number> {
  const row = await env.DB.prepare('SELECT count(*) AS count FROM device_requests').first<{
    count: number;
  }>();
  return row?.count ?? -1;
}

describe('a terminal that asks to be signed in', () => {
  it('waits, and gets a token of whoever approves its code', async () => {
    const person = await aPerson();
    const { deviceCode, userCode, verificationUri, verificationUriComplete, ...times } = await start();
    expect(userCode).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
    expect(verificationUri).toBe('https://orp.test/device');
    expect(verificationUriComplete).toBe(`https://orp.test/device?code=${userCode}`);
    expect(times).toMatchObject({ expiresIn: 600, interval: 5 });
    await refuses(takeDeviceToken, 'authorization_pending', { body: { deviceCode } });

    const typed = ` ${userCode.toLowerCase().replace('-', ' ')} `;
    const shown = await showDevice(deps(), signedIn(person), typed);
    expect(shown).toMatchObject({ ok: true, value: { deviceName: 'study', network: 'local', userCode } });
    expect(JSON.stringify(shown)).not.toContain(deviceCode);
    expect(await approveDevice(deps(), signedIn(person), by(userCode))).toMatchObject({ ok: true });

    waits();
    const { token, user } = await accepts(takeDeviceToken, { body: { deviceCode } });
    expect(user).toEqual({ id: person.userId, email: person.email, name: 'Mira' });
    await accepts(getMe, { as: { ...person, token } });
    const audited = await env.DB.prepare('SELECT action FROM audit_log WHERE user_id = ? ORDER BY at, action')
      .bind(person.userId)
      .all<{ action: string }>();
    expect(audited.results.map(({ action }) => action)).toEqual(['device_approved', 'sign_in']);
  });

  it('gets one token, however often it asks at the same time and later', async () => {
    const person = await aPerson();
    const { deviceCode, userCode } = await start();
    await approveDevice(deps(), signedIn(person), by(userCode));
    const answers = await Promise.all([poll(deviceCode), poll(deviceCode), poll(deviceCode)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400]);
    await refuses(takeDeviceToken, 'expired_token', { body: { deviceCode } });
    const tokens = await env.DB.prepare('SELECT count(*) AS count FROM device_tokens WHERE user_id = ?')
      .bind(person.userId)
      .first();
    expect(tokens).toEqual({ count: 2 });
  });

  it('is told when it was denied, and approving comes too late then', async () => {
    const person = await aPerson();
    const { deviceCode, userCode } = await start();
    expect(await denyDevice(deps(), signedIn(person), by(userCode))).toMatchObject({ ok: true });
    expect(await approveDevice(deps(), signedIn(person), by(userCode))).toMatchObject({
      refusal: { code: 'not_found' },
    });
    await refuses(takeDeviceToken, 'access_denied', { body: { deviceCode } });
  });

  it('is approved by one person only: the first, who may repeat it', async () => {
    const [first, second] = [await aPerson(), await aPerson()];
    const { deviceCode, userCode } = await start();
    for (const _ of [1, 2])
      expect(await approveDevice(deps(), signedIn(first), by(userCode))).toMatchObject({ ok: true });
    expect(await approveDevice(deps(), signedIn(second), by(userCode))).toMatchObject({
      refusal: { code: 'not_found' },
    });
    const { user } = await accepts(takeDeviceToken, { body: { deviceCode } });
    expect(user.id).toBe(first.userId);
  });

  it('gets nothing after ten minutes, approved or not', async () => {
    const person = await aPerson();
    const [early, late] = [await start(), await start()];
    await approveDevice(deps(), signedIn(person), by(early.userCode));
    advance(DEVICE_LIFE_MS);
    await refuses(takeDeviceToken, 'expired_token', { body: { deviceCode: early.deviceCode } });
    expect(await approveDevice(deps(), signedIn(person), by(late.userCode))).toMatchObject({
      refusal: { code: 'not_found' },
    });
    await refuses(takeDeviceToken, 'expired_token', { body: { deviceCode: 'dvc_unknown' } });
    advance(SECOND);
    await fireCron();
    expect(await countRequests()).toBe(0);
  });

  it('gets no token of an account that was disabled meanwhile', async () => {
    const person = await aPerson();
    const { deviceCode, userCode } = await start();
    await approveDevice(deps(), signedIn(person), by(userCode));
    await env.DB.prepare('UPDATE users SET disabled_at = 1 WHERE id = ?').bind(person.userId).run();
    await refuses(takeDeviceToken, 'expired_token', { body: { deviceCode } });
  });

  it('is slowed down when it asks too often, five seconds each time, and soon costs no row', async () => {
    const { deviceCode } = await start();
    await refuses(takeDeviceToken, 'authorization_pending', { body: { deviceCode } });
    await refuses(takeDeviceToken, 'slow_down', { body: { deviceCode } });
    waits();
    await refuses(takeDeviceToken, 'slow_down', { body: { deviceCode } });
    advance(3 * POLL_EVERY_MS);
    await refuses(takeDeviceToken, 'authorization_pending', { body: { deviceCode } });
    for (let again = 0; again < 12; again += 1) await poll(deviceCode);
    const bill = await billOf(() => poll(deviceCode));
    expect(bill.written).toBe(0);
  });

  it('waits with at most twenty of its network, and makes room when they end', async () => {
    for (let one = 0; one < BOUNDS.deviceRequestsOfNetwork; one += 1) await start();
    await refuses(startDevice, 'limit_reached', { body: {} });
    advance(DEVICE_LIFE_MS);
    await start();
    expect(await countRequests()).toBe(1);
  });

  it('waits with at most a thousand in all', async () => {
    await waitingTerminals();
    await refuses(startDevice, 'limit_reached', { body: {} });
  });
});

describe('a code that no terminal is waiting for', () => {
  it.each(['', 'BCDF-GHJ', 'AEIO-UAEI', "' OR 1=1", 'B'.repeat(1_000_000)])(
    'is refused: %j',
    async (userCode) => {
      const user = signedIn(await aPerson());
      const shown = await showDevice(deps(), user, userCode.slice(0, 100_000));
      expect(shown).toMatchObject({ refusal: { code: 'not_found' } });
    },
  );

  it('may be guessed ten times in a quarter of an hour; right codes do not count', async () => {
    const person: Person = await aPerson();
    const user = signedIn(person);
    const { userCode } = await start();
    for (let one = 0; one < 12; one += 1) expect((await showDevice(deps(), user, userCode)).ok).toBe(true);
    const guess = () => showDevice(deps(), user, 'BCDF-GHJK');
    const guesses = [];
    for (let one = 0; one < 11; one += 1) guesses.push(await guess());
    expect(guesses.map((one) => (one.ok ? 'ok' : one.refusal.code))).toEqual([
      ...Array<string>(10).fill('not_found'),
      'too_many_attempts',
    ]);
    expect(await showDevice(deps(), user, userCode)).toMatchObject({
      refusal: { code: 'too_many_attempts' },
    });
    advance(15 * MINUTE);
    expect(await guess()).toMatchObject({ refusal: { code: 'not_found' } });
  });
});
