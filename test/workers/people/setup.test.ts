/** The first operator is made by a link that works once, and only while there is none. */

import { env } from 'cloudflare:workers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deviceLogin, getMe } from '../../../spec/contract/auth.ts';
import { setUp } from '../../../workers/people/redeem.ts';
import { accepts } from '../harness/call.ts';
import { advance, currentTime, DAY, SECOND } from '../harness/clock.ts';
import { aForm, aSetupLink, withoutOperators } from '../harness/links.ts';
import { aPerson } from '../harness/people.ts';
import { deps } from '../harness/services.ts';

let restore: () => Promise<void>;
beforeAll(async () => {
  restore = await withoutOperators();
});
afterAll(() => restore());

async function accountsOf(email: string): Promise<number> {
  const row = await env.DB.prepare('SELECT count(*) AS count FROM users WHERE email = ?')
    .bind(email)
    .first<{ count: number }>();
  return row?.count ?? -1;
}

describe('the set-up', () => {
  it.each([
    ['a short password', { password: 'eleven char' }],
    ['a password of a megabyte', { password: 'x'.repeat(1_000_000) }],
    ['something that is no address', { email: 'mira' }],
    ['an address with a line break', { email: 'mira@orp.test\nBcc: x@y' }],
    ['an address that hides its direction', { email: 'mira\u202e@orp.test' }],
    ['a blank name', { name: '  ' }],
    ['a name with a terminal escape', { name: 'Mira\u001b[2J' }],
  ])('refuses %s and makes no account', async (_, change) => {
    const form = aForm(await aSetupLink(), change);
    expect(await setUp(deps(), form)).toMatchObject({ ok: false, refusal: { code: 'invalid_input' } });
    expect(await accountsOf(form.email)).toBe(0);
  });

  it.each(['', 'lnk_unknown', "' OR 1=1 --"])('refuses the token %j, which was never made', async (token) => {
    expect(await setUp(deps(), aForm(token))).toMatchObject({ ok: false, refusal: { code: 'not_found' } });
  });

  it('refuses a link after a day', async () => {
    const token = await aSetupLink();
    advance(DAY);
    expect(await setUp(deps(), aForm(token))).toMatchObject({ ok: false, refusal: { code: 'not_found' } });
  });

  it('refuses the address of an account that is there, and the link still works for another', async () => {
    const { email } = await aPerson();
    const taken = await setUp(deps(), aForm(await aSetupLink(), { email: email.toUpperCase() }));
    expect(taken).toMatchObject({ ok: false, refusal: { code: 'record_changed' } });
    expect(JSON.stringify(taken)).not.toContain(email);
  });

  it('makes one operator of two links that are used at the same time, and no link works afterwards', async () => {
    const forms = [aForm(await aSetupLink()), aForm(await aSetupLink())];
    const late = aForm(await aSetupLink({ expiresAt: currentTime() + 7 * DAY }));
    const made = await Promise.all(forms.map((form) => setUp(deps(), form)));
    expect(made.filter(({ ok }) => ok)).toHaveLength(1);
    const [won] = forms.filter((_, at) => made[at]?.ok);
    if (won === undefined) throw new Error('nobody won');

    const { email, password } = won;
    const signedIn = await accepts(deviceLogin, { body: { email, password } });
    if (!('token' in signedIn)) throw new Error('no token');
    const me = await accepts(getMe, { as: { email, token: signedIn.token, userId: signedIn.userId } });
    expect(me.user).toMatchObject({ email, role: 'operator' });

    advance(SECOND);
    for (const form of [late, { ...late, token: won.token }])
      expect(await setUp(deps(), form)).toMatchObject({ ok: false, refusal: { code: 'not_found' } });
    const audited = await env.DB.prepare('SELECT action, subject FROM audit_log WHERE user_id = ?')
      .bind(signedIn.userId)
      .all();
    expect(audited.results).toContainEqual({ action: 'account_created', subject: 'setup' });
  });
});
