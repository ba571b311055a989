/** Sign-in under attack: whoever guesses is slowed, the owner gets in, and a burst stalls nobody. */

import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { deviceLogin, deviceVerify, getMe } from '../../../spec/contract/auth.ts';
import { networkOf } from '../../../workers/accounts/sign-in-limits.ts';
import { Turnstile } from '../../../workers/accounts/turnstile.ts';
import { accepts, expectRefusal, refuses, send } from '../harness/call.ts';
import { advance, MINUTE, SECOND, takeLog } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import { hashOf } from '../harness/passwords.ts';
import { aPerson, type Person } from '../harness/people.ts';
import { whileSilent } from '../harness/silence.ts';

const PASSWORD = 'open sesame 42';
const ATTACKER = '203.0.113.7';
const HOME = '198.51.100.20';
/** Wrong tries of one account from all networks, in a quarter of an hour. */
const LIMIT_OF_ACCOUNT = 300;

let networks = 0;

/** An address in a network that no other test uses. */
function aNetwork(): string {
  networks += 1;
  return `2001:db8:0:${networks.toString(16)}::1`;
}

function anOwner(): Promise<Person> {
  return aPerson({ passwordHash: hashOf(PASSWORD) });
}

function from(address: string) {
  return { headers: { 'CF-Connecting-IP': address } };
}

/** Wrong tries: `count` of them, at a code so that no scrypt is run. */
async function guess({ email }: Person, address: string, count = 10): Promise<void> {
  for (let tries = 0; tries < count; tries += 1)
    await send(deviceVerify, { body: { email, code: '000000' }, ...from(address) });
}

interface Audited {
  action: string;
  subject: string;
  detail: string | null;
}

async function auditOf({ userId }: Person): Promise<Audited[]> {
  const { results } = await env.DB.prepare(
    'SELECT action, subject, detail FROM audit_log WHERE user_id = ? ORDER BY at, detail',
  )
    .bind(userId)
    .all<Audited>();
  return results;
}

describe('wrong passwords from one network', () => {
  it('do not keep the owner out who comes from another one', async () => {
    const owner = await anOwner();
    await guess(owner, ATTACKER);
    const body = { email: owner.email, password: PASSWORD };
    await refuses(deviceLogin, 'too_many_attempts', { body, ...from(ATTACKER) });
    await accepts(deviceLogin, { body, ...from(HOME) });
  });

  it('do not keep a device out that was signed in before, in the same network and after a sign-out', async () => {
    const owner = await anOwner();
    const address = aNetwork();
    await env.DB.prepare('UPDATE device_tokens SET revoked_at = 1 WHERE user_id = ?')
      .bind(owner.userId)
      .run();
    await guess(owner, address);
    const body = { email: owner.email, password: PASSWORD, device: owner.token };
    await accepts(deviceLogin, { body, ...from(address) });
    const stranger = await anOwner();
    const stolen = { ...body, device: stranger.token };
    await refuses(deviceLogin, 'too_many_attempts', { body: stolen, ...from(address) });
  });

  it('are counted on a known device, too', async () => {
    const owner = await anOwner();
    const body = { email: owner.email, code: '000000', device: owner.token };
    for (let tries = 0; tries < 10; tries += 1)
      await refuses(deviceVerify, 'invalid_code', { body, ...from(aNetwork()) });
    await refuses(deviceVerify, 'too_many_attempts', { body, ...from(aNetwork()) });
  });

  it('are counted together for all addresses of an IPv6 network, and apart from the next network', async () => {
    const owner = await anOwner();
    for (let host = 1; host <= 10; host += 1) await guess(owner, `2001:db8:9:9::${host}`, 1);
    const body = { email: owner.email, code: '000000' };
    await refuses(deviceVerify, 'too_many_attempts', { body, ...from('2001:db8:9:9:ffff::1') });
    await refuses(deviceVerify, 'invalid_code', { body, ...from('2001:db8:9:a::1') });
  });

  it('learn to the second when to try again', async () => {
    const owner = await anOwner();
    const address = aNetwork();
    await guess(owner, address, 1);
    advance(5 * MINUTE);
    await guess(owner, address, 9);
    const body = { email: owner.email, code: '000000' };
    const refused = await send(deviceVerify, { body, ...from(address) });
    expectRefusal(refused, 'too_many_attempts');
    expect(refused.headers.get('Retry-After')).toBe('600');
    advance(599 * SECOND);
    await refuses(deviceVerify, 'too_many_attempts', { body, ...from(address) });
    advance(SECOND);
    await refuses(deviceVerify, 'invalid_code', { body, ...from(address) });
  });

  it('cost no row once they are refused', async () => {
    const owner = await anOwner();
    const address = aNetwork();
    await guess(owner, address);
    const body = { email: owner.email, password: 'wrong' };
    const bill = await billOf(() => refuses(deviceLogin, 'too_many_attempts', { body, ...from(address) }));
    expect({ written: bill.written, trips: bill.trips }).toEqual({ written: 0, trips: 1 });
  });

  it('from many networks are limited for the account, and its known device still gets in', async () => {
    const owner = await anOwner();
    await env.DB.prepare(
      'INSERT INTO sign_in_failures (subject, window_started_at, failures) VALUES (?, ?, 300)',
    )
      .bind(`account:${owner.email}`, 2_200_000_000_000)
      .run();
    const body = { email: owner.email, password: PASSWORD };
    await refuses(deviceLogin, 'too_many_attempts', { body, ...from(aNetwork()) });
    await accepts(deviceLogin, { body: { ...body, device: owner.token }, ...from(aNetwork()) });
  });

  it('are logged and audited, and so are limit, refusal and success', async () => {
    const owner = await anOwner();
    const address = aNetwork();
    takeLog();
    await guess(owner, address);
    const body = { email: owner.email, password: PASSWORD };
    await refuses(deviceLogin, 'too_many_attempts', { body, ...from(address) });
    await accepts(deviceLogin, { body, ...from(HOME) });
    const events = takeLog().map(({ event }) => event);
    expect(events.filter((event) => event.startsWith('sign'))).toEqual([
      ...Array.from({ length: 9 }, () => 'sign_in_failed'),
      'sign_in_limited',
      'sign_in_refused',
      'signed_in',
    ]);
    const audited = await auditOf(owner);
    const subject = networkOf(address);
    for (const action of ['sign_in_failed', 'sign_in_limited'])
      expect(audited).toContainEqual({ action, subject, detail: 'wrong code' });
    expect(audited).toContainEqual({ action: 'sign_in', subject: HOME, detail: expect.any(String) });
  });
});

describe('of ten thousand wrong passwords and codes', () => {
  const FIVE_THOUSAND = 5_000;

  /** How many of the tries were looked at, and what the database did for one try at the end. */
  async function attack(owner: Person, addressOf: (tries: number) => string) {
    const codes: Record<string, number> = {};
    for (let tries = 0; tries < FIVE_THOUSAND; tries += 1) {
      const isPassword = tries % 2 === 1 && tries > 2 * LIMIT_OF_ACCOUNT;
      const guessed = isPassword ? { password: `wrong ${tries}` } : { code: String(tries).padStart(6, '0') };
      const row = isPassword ? deviceLogin : deviceVerify;
      const answer = await send(row, { body: { email: owner.email, ...guessed }, ...from(addressOf(tries)) });
      const { code } = JSON.parse(answer.text) as { code: string };
      codes[code] = (codes[code] ?? 0) + 1;
    }
    const { written, trips } = await billOf(() => guess(owner, addressOf(FIVE_THOUSAND), 1));
    return { codes, last: { written, trips } };
  }

  async function countCounters(): Promise<number> {
    const row = await env.DB.prepare('SELECT count(*) AS count FROM sign_in_failures').first<{
      count: number;
    }>();
    return row?.count ?? 0;
  }

  it('five thousand from one network: ten are looked at, the others write nothing, and nobody else notices', async () => {
    const [owner, neighbor] = [await anOwner(), await aPerson()];
    await accepts(getMe, { as: neighbor });
    const before = await billOf(() => accepts(getMe, { as: neighbor }));
    const address = aNetwork();
    const { codes, last } = await attack(owner, () => address);
    expect(codes).toEqual({ invalid_code: 10, too_many_attempts: FIVE_THOUSAND - 10 });
    expect(last).toEqual({ written: 0, trips: 1 });
    expect(await billOf(() => accepts(getMe, { as: neighbor }))).toEqual(before);
    await accepts(deviceLogin, { body: { email: owner.email, password: PASSWORD }, ...from(HOME) });
  }, 120_000);

  it('five thousand from as many networks: 300 are looked at, the counters stay few, and a known device gets in', async () => {
    const owner = await anOwner();
    const before = await countCounters();
    const { codes, last } = await attack(owner, aNetwork);
    expect(codes).toEqual({
      invalid_code: LIMIT_OF_ACCOUNT,
      too_many_attempts: FIVE_THOUSAND - LIMIT_OF_ACCOUNT,
    });
    expect(last).toEqual({ written: 0, trips: 1 });
    // A try that is looked at counts for its network, for its network and the account, and for the account.
    expect((await countCounters()) - before).toBeLessThanOrEqual(3 * LIMIT_OF_ACCOUNT + 3);
    const body = { email: owner.email, password: PASSWORD, device: owner.token };
    await accepts(deviceLogin, { body, ...from(aNetwork()) });
  }, 120_000);
});

describe('a sign-in code', () => {
  const settings = env as { SIGN_IN_CODE_WEBHOOK?: string };
  let code = '';

  afterEach(() => {
    delete settings.SIGN_IN_CODE_WEBHOOK;
    vi.unstubAllGlobals();
  });

  function withMail(post: () => Promise<Response>): void {
    settings.SIGN_IN_CODE_WEBHOOK = 'https://mail.test/codes';
    vi.stubGlobal('fetch', (_url: string, init: RequestInit) => {
      ({ code } = JSON.parse(String(init.body)) as { code: string });
      return post();
    });
  }

  it('is not used up by guesses from another network', async () => {
    withMail(async () => new Response('ok'));
    const owner = await anOwner();
    await accepts(deviceLogin, { body: { email: owner.email, password: PASSWORD }, ...from(HOME) });
    await guess(owner, aNetwork());
    await accepts(deviceVerify, { body: { email: owner.email, code }, ...from(HOME) });
  });

  it('that the mail service never takes is answered with 503 in time', async () => {
    const owner = await anOwner();
    const answered = await whileSilent(
      ({ answer }) => {
        withMail(() => scheduler.wait(30_000).then(() => new Response('late')));
        return answer(send(deviceLogin, { body: { email: owner.email, password: PASSWORD }, ...from(HOME) }));
      },
      () => false,
    );
    expectRefusal(answered.value, 'unavailable');
  });
});

describe('a burst of sign-ins', () => {
  it('runs one scrypt at a time, refuses sign-ins beyond the queue with Retry-After, and stalls no other request', async () => {
    const owner = await anOwner();
    const address = aNetwork();
    const body = { email: owner.email, password: 'wrong' };
    const burst = Promise.all(
      Array.from({ length: 30 }, () => send(deviceLogin, { body, ...from(address) })),
    );
    await accepts(getMe, { as: owner });
    const answers = await burst;
    const busy = answers.filter(({ status }) => status === 503);
    expect(busy.length).toBeGreaterThanOrEqual(22);
    for (const one of busy) {
      expectRefusal(one, 'unavailable');
      expect(one.headers.get('Retry-After')).toBe('5');
    }
    expect(answers.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(8);
  });

  it('leaves places to other networks, and lets a known device pass it', async () => {
    const order: string[] = [];
    const turnstile = new Turnstile({ atOnce: 1, places: 4, placesOfOne: 2, waitMs: 5000 });
    const pass = (key: string, isKnown = false) =>
      turnstile.pass({ key, isKnown }, async () => {
        await scheduler.wait(5);
        order.push(key);
        return key;
      });
    const answers = await Promise.all([
      pass('attacker'),
      pass('attacker'),
      pass('attacker'),
      pass('neighbor'),
      pass('other'),
      pass('late'),
      pass('owner', true),
    ]);
    expect(answers.map((answer) => answer?.value)).toEqual([
      'attacker',
      'attacker',
      undefined,
      'neighbor',
      'other',
      undefined,
      'owner',
    ]);
    expect(order).toEqual(['attacker', 'owner', 'attacker', 'neighbor', 'other']);
  });

  it('is refused by a turn that does not come in time', async () => {
    const turnstile = new Turnstile({ atOnce: 1, places: 4, placesOfOne: 4, waitMs: 30 });
    const slow = turnstile.pass({ key: 'one', isKnown: false }, () => scheduler.wait(200));
    expect(await turnstile.pass({ key: 'two', isKnown: false }, async () => 'done')).toBeUndefined();
    await slow;
    expect(await turnstile.pass({ key: 'two', isKnown: false }, async () => 'done')).toEqual({
      value: 'done',
    });
  });
});

describe('the network of an address', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:cb00:7107', '203.0.113.7'],
    ['0:0:0:0:0:ffff:cb00:7107', '203.0.113.7'],
    ['64:ff9b::203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7:8:9'],
    ['1::2::3', '1::2::3'],
    ['local', 'local'],
    ['', 'unknown'],
  ])('of %s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});
