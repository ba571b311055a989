/** The pages behind links that work once, and the page where operators make them. */

import { afterEach, describe, expect, it } from 'vitest';
import { aBrowser, Browser } from '../harness/browser.ts';
import { advance, DAY } from '../harness/clock.ts';
import { aForm, aSetupLink, withoutOperators } from '../harness/links.ts';
import { aPerson } from '../harness/people.ts';

const PEOPLE = '/dashboard/admin/people';

/** The link that a page shows, as path and query. */
function linkIn(html: string): { path: string; token: string } {
  const [, url = ''] = /data-copy="([^"]+token=[^"]+)"/.exec(html) ?? [];
  const { pathname, search, searchParams } = new URL(url.replaceAll('&amp;', '&'));
  return { path: pathname + search, token: searchParams.get('token') ?? '' };
}

async function anOperator(): Promise<Browser> {
  return aBrowser(await aPerson({ role: 'operator' }));
}

describe('the set-up', () => {
  let restore: () => Promise<void> = async () => undefined;
  afterEach(() => restore());

  it('makes the first operator, who is signed in and sees the console; the link does not work again', async () => {
    restore = await withoutOperators();
    const token = await aSetupLink();
    const browser = new Browser();
    const opened = await browser.get(`/setup?token=${token}`);
    expect(opened.text).toContain('You become the first operator of this server.');
    const { email, name, password } = aForm(token);
    const welcome = await browser.postAndFollow('/setup', { token, email, name, password });
    expect(welcome.text).toContain('Welcome, Mira. Your account exists.');
    expect((await browser.get(PEOPLE)).text).toContain(email);

    const again = await new Browser().get(`/setup?token=${token}`);
    expect(again.status).toBe(404);
    expect(again.text).toContain('npm run operator');
  });

  it('keeps what was typed, except the password, when something is wrong', async () => {
    restore = await withoutOperators();
    const token = await aSetupLink();
    const shown = await new Browser().post('/setup', {
      token,
      email: 'mira@orp.test',
      name: '<b>Mira</b>',
      password: 'short',
    });
    expect(shown.status).toBe(400);
    expect(shown.text).toContain('password must have 12 to 1024 characters.');
    expect(shown.html).toContain('value="mira@orp.test"');
    expect(shown.html).toContain('value="&lt;b&gt;Mira&lt;/b&gt;"');
    expect(shown.html).not.toContain('short');
  });

  it.each(['', 'lnk_unknown', 'x'.repeat(5000), '"><script>alert(1)</script>'])(
    'does not open with the token %j',
    async (token) => {
      const shown = await new Browser().get(`/setup?token=${encodeURIComponent(token)}`);
      expect(shown.status).toBe(404);
      expect(shown.text).toContain('This link does not work');
      expect(shown.html).not.toContain('<script>alert');
    },
  );
});

describe('an invitation', () => {
  it('is made by an operator, is shown once, and makes a member', async () => {
    const operator = await anOperator();
    const made = await operator.post(`${PEOPLE}/invitations`, { role: 'member', email: 'noor@orp.test' });
    expect(made.text).toContain('Copy this link now. The server does not show it again:');
    const { path, token } = linkIn(made.html);
    expect((await operator.get(PEOPLE)).html).not.toContain(token);
    expect((await operator.get(PEOPLE)).text).toContain('noor@orp.test');

    const noor = new Browser();
    const form = await noor.get(path);
    expect(form.html).toMatch(/value="noor@orp.test"[^>]*readonly/);
    const { name, password } = aForm(token);
    const welcome = await noor.postAndFollow('/join', { token, email: 'noor@orp.test', name, password });
    expect(welcome.text).toContain('Your account exists.');
    expect((await noor.get(PEOPLE)).status).toBe(403);
    expect((await new Browser().get(path)).status).toBe(404);
  });

  it('for one address makes no account of another', async () => {
    const operator = await anOperator();
    const made = await operator.post(`${PEOPLE}/invitations`, { role: 'member', email: 'only@orp.test' });
    const { token } = linkIn(made.html);
    const shown = await new Browser().post('/join', { ...fieldsOf(token), email: 'other@orp.test' });
    expect(shown.status).toBe(400);
    expect(shown.text).toContain('this invitation is for another address');
  });

  it('does not work after it was revoked, nor after seven days', async () => {
    const operator = await anOperator();
    const [first, second] = [
      await operator.post(`${PEOPLE}/invitations`),
      await operator.post(`${PEOPLE}/invitations`),
    ];
    const { html } = await operator.get(PEOPLE);
    const paths = [...html.matchAll(/action="([^"]+\/revoke)"/g)].map(([, path]) => path ?? '');
    for (const path of paths) await operator.postAndFollow(path);
    expect((await new Browser().get(linkIn(first.html).path)).status).toBe(404);
    expect((await new Browser().get(linkIn(second.html).path)).status).toBe(404);

    const third = linkIn((await operator.post(`${PEOPLE}/invitations`)).html);
    advance(8 * DAY);
    expect((await new Browser().get(third.path)).status).toBe(404);
  });

  it('is refused with a sentence when the address is none', async () => {
    const shown = await (await anOperator()).post(`${PEOPLE}/invitations`, { email: 'nobody' });
    expect(shown.status).toBe(400);
    expect(shown.text).toContain('email must be an e-mail address.');
  });
});

describe('the people of a server', () => {
  it('are for operators only, to read and to change', async () => {
    const member = await aPerson();
    const browser = await aBrowser(member);
    expect((await browser.get(PEOPLE)).status).toBe(403);
    for (const path of ['invitations', `${member.userId}/disable`, `${member.userId}/password-link`])
      expect((await browser.post(`${PEOPLE}/${path}`)).status, path).toBe(403);
    expect((await new Browser().get(PEOPLE)).status).toBe(303);
  });

  it('get a new password by a link that works once and signs their devices out', async () => {
    const operator = await anOperator();
    const person = await aPerson();
    const old = await aBrowser(person);
    const made = await operator.post(`${PEOPLE}/${person.userId}/password-link`);
    const { path, token } = linkIn(made.html);
    expect((await new Browser().get(path)).text).toContain('Choose a new password');
    const browser = new Browser();
    const done = await browser.postAndFollow('/reset-password', { token, password: 'correct horse battery' });
    expect(done.text).toContain('Your password was set. 2 devices signed out.');
    expect((await old.get('/inbox')).status).toBe(303);
    const signedIn = await browser.postAndFollow('/login', {
      email: person.email,
      password: 'correct horse battery',
    });
    expect(signedIn.status).toBe(200);
    expect(
      (await new Browser().post('/reset-password', { token, password: 'another horse battery' })).status,
    ).toBe(404);
  });

  it('are disabled and enabled; an operator cannot disable themselves', async () => {
    const me = await aPerson({ role: 'operator' });
    const operator = await aBrowser(me);
    const person = await aPerson();
    const disabled = await operator.postAndFollow(`${PEOPLE}/${person.userId}/disable`, { reason: 'Left' });
    expect(disabled.text).toContain('The account is disabled.');
    expect((await (await aBrowser(person)).get('/inbox')).status).toBe(303);
    const enabled = await operator.postAndFollow(`${PEOPLE}/${person.userId}/enable`);
    expect(enabled.text).toContain('The account is enabled.');
    const refused = await operator.postAndFollow(`${PEOPLE}/${me.userId}/disable`);
    expect(refused.text).toContain('You cannot disable your own account.');
  });
});

function fieldsOf(token: string): Record<string, string> {
  const { address: _address, source: _source, ...fields } = aForm(token);
  return fields;
}
