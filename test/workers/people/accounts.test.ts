/** Operators disable, enable and help accounts; what an account holds open ends, and what it has stays. */

import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { deviceLogin, getMe } from '../../../spec/contract/auth.ts';
import { pollJob } from '../../../spec/contract/runner.ts';
import { CLOSE_CODES } from '../../../spec/transport/events.ts';
import { disableAccount, enableAccount, listAccounts } from '../../../workers/people/accounts.ts';
import { makePasswordLink, PASSWORD_LINK_MS, resetPassword } from '../../../workers/people/password-links.ts';
import { accepts, refuses, send } from '../harness/call.ts';
import { advance, MINUTE, SECOND } from '../harness/clock.ts';
import { aMachine, aPrompt, show } from '../harness/machines.ts';
import { hashOf } from '../harness/passwords.ts';
import { aPerson, aToken, type Person } from '../harness/people.ts';
import { deps, signedIn } from '../harness/services.ts';
import { closeChannels, listenOverWs } from '../harness/streams.ts';

afterEach(closeChannels);

const PASSWORD = 'open sesame 42';
let operator: Person;
beforeAll(async () => {
  operator = await aPerson({ role: 'operator' });
});

const by = () => signedIn(operator, 'operator');
const order = ({ userId }: Person) => ({ accountId: userId, reason: undefined, source: 'test' });

async function actions({ userId }: Person): Promise<string[]> {
  const { results } = await env.DB.prepare('SELECT action FROM audit_log WHERE user_id = ? ORDER BY at')
    .bind(userId)
    .all<{ action: string }>();
  return results.map(({ action }) => action).filter((action) => /account|password/.test(action));
}

describe('a disabled account', () => {
  it('keeps its queue, loses its channel and its tokens, and goes on after it is enabled', async () => {
    const machine = await aMachine();
    const { owner, machineId } = machine;
    const jobId = await aPrompt(machine);
    const socket = await listenOverWs(machine);
    expect(await disableAccount(deps(), by(), order(owner))).toEqual({ ok: true, value: { changed: true } });
    expect(await disableAccount(deps(), by(), order(owner))).toEqual({ ok: true, value: { changed: false } });
    expect(await socket.closed).toMatchObject({ code: CLOSE_CODES.unauthorized });

    advance(31 * SECOND);
    await refuses(pollJob, 'unauthenticated', { as: owner, query: { machineId } });
    expect((await show(operator, jobId)).status).toBe('queued');

    expect(await enableAccount(deps(), by(), order(owner))).toEqual({ ok: true, value: { changed: true } });
    const { job } = await accepts(pollJob, { as: owner, query: { machineId } });
    expect(job?.id).toBe(jobId);
    expect(await actions(owner)).toEqual(['disable_account', 'enable_account']);
  });

  it('is told so at the sign-in, but only with the right password', async () => {
    const person = await aPerson({ passwordHash: hashOf(PASSWORD) });
    await disableAccount(deps(), by(), order(person));
    const { email } = person;
    const right = await refuses(deviceLogin, 'invalid_credentials', { body: { email, password: PASSWORD } });
    expect(right.error).toBe('This account is disabled.');
    const wrong = await refuses(deviceLogin, 'invalid_credentials', { body: { email, password: 'wrong' } });
    expect(wrong.error).not.toContain('disabled');
  });

  it('is never the own one, an unknown one, or ordered by somebody who is no operator any more', async () => {
    expect(await disableAccount(deps(), by(), order(operator))).toMatchObject({
      refusal: { code: 'wrong_status' },
    });
    const unknown = { accountId: 'usr_unknown', reason: undefined, source: 'test' };
    expect(await disableAccount(deps(), by(), unknown)).toMatchObject({ refusal: { code: 'not_found' } });
    const [one, two] = [await aPerson({ role: 'operator' }), await aPerson({ role: 'operator' })];
    const both = await Promise.all([
      disableAccount(deps(), signedIn(one, 'operator'), order(two)),
      disableAccount(deps(), signedIn(two, 'operator'), order(one)),
    ]);
    expect(both.filter((done) => done.ok && done.value.changed)).toHaveLength(1);
  });
});

describe('the list of accounts', () => {
  it('has every account once, page by page, and finds one by its id or address', async () => {
    const people = [await aPerson(), await aPerson(), await aPerson()];
    const seen: string[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const page = await listAccounts(deps(), { limit: 2, cursor });
      seen.push(...page.accounts.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining(people.map(({ userId }) => userId)));
    const [first] = people;
    for (const account of [first?.userId, first?.email.toUpperCase()])
      expect((await listAccounts(deps(), { limit: 2, account })).accounts).toMatchObject([
        { id: first?.userId, email: first?.email, role: 'member' },
      ]);
    expect(JSON.stringify(await listAccounts(deps(), { limit: 50 }))).not.toContain('scrypt');
  });
});

describe('a password link', () => {
  it('sets the password once and signs every device out', async () => {
    const person = await aPerson({ passwordHash: hashOf(PASSWORD) });
    const other = { ...person, token: await aToken(person.userId) };
    const made = await makePasswordLink(deps(), by(), order(person));
    if (!made.ok) throw new Error(made.refusal.message);
    expect(await send(getMe, { as: person })).toMatchObject({ status: 200 });

    const reset = {
      token: made.value.token,
      password: 'another sesame 42',
      address: 'local',
      source: 'test',
    };
    const uses = await Promise.all([resetPassword(deps(), reset), resetPassword(deps(), reset)]);
    expect(uses.filter(({ ok }) => ok)).toEqual([{ ok: true, value: { signedOut: 2 } }]);
    for (const as of [person, other]) await refuses(getMe, 'unauthenticated', { as });
    const { email } = person;
    await refuses(deviceLogin, 'invalid_credentials', { body: { email, password: PASSWORD } });
    await accepts(deviceLogin, { body: { email, password: reset.password } });
    expect(await actions(person)).toEqual(['password_link', 'password_changed']);
  });

  it('ends after a day, with a newer link, and with a bad password nothing changes', async () => {
    const person = await aPerson();
    const tokens: string[] = [];
    for (const _ of [1, 2]) {
      const made = await makePasswordLink(deps(), by(), order(person));
      tokens.push(made.ok ? made.value.token : '');
      advance(MINUTE);
    }
    const use = (token = '', password = 'another sesame 42') =>
      resetPassword(deps(), { token, password, address: 'local', source: 'test' });
    expect(await use(tokens[0])).toMatchObject({ refusal: { code: 'not_found' } });
    expect(await use(tokens[1], 'short')).toMatchObject({ refusal: { code: 'invalid_input' } });
    advance(PASSWORD_LINK_MS);
    expect(await use(tokens[1])).toMatchObject({ refusal: { code: 'not_found' } });
    expect(await use('lnk_unknown')).toMatchObject({ refusal: { code: 'not_found' } });
    expect((await send(getMe, { as: person })).status).toBe(200);
    expect(await makePasswordLink(deps(), by(), { ...order(person), accountId: 'usr_none' })).toMatchObject({
      refusal: { code: 'not_found' },
    });
  });
});
