/** Signing in with a browser, staying signed in, and signing out. */

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { getMe } from '../../../spec/contract/auth.ts';
import { aBrowser, Browser } from '../harness/browser.ts';
import { send } from '../harness/call.ts';
import { advance, DAY, SECOND } from '../harness/clock.ts';
import { hashOf } from '../harness/passwords.ts';
import { aPerson } from '../harness/people.ts';

const PASSWORD = 'open sesame 42';
const AGENT = {
  'Sec-Fetch-Site': 'same-origin',
  'User-Agent': 'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile Safari/604.1',
};

async function signedIn() {
  const person = await aPerson({ passwordHash: hashOf(PASSWORD) });
  const browser = new Browser();
  const sent = await browser.post('/login', { email: person.email, password: PASSWORD }, AGENT);
  return { person, browser, sent };
}

describe('a sign-in', () => {
  it('sets a cookie that only this host, https and the server can use, and goes to the inbox', async () => {
    const { sent, browser } = await signedIn();
    expect(sent.status).toBe(303);
    expect(sent.location).toBe('/inbox');
    const set = sent.headers.get('set-cookie') ?? '';
    expect(set).toMatch(/^__Host-orp=dvt_[\w-]{43};/);
    expect(set.split('; ').slice(1).sort()).toEqual(
      ['HttpOnly', 'Max-Age=2592000', 'Path=/', 'SameSite=Lax', 'Secure'].sort(),
    );
    expect((await browser.get('/inbox')).status).toBe(200);
  });

  it('uses a cookie without Secure over plain http on loopback, which Safari would refuse otherwise', async () => {
    const { person } = await signedIn();
    const browser = new Browser();
    const sent = await browser.post('http://127.0.0.1:8787/login', {
      email: person.email,
      password: PASSWORD,
    });
    const set = sent.headers.get('set-cookie') ?? '';
    expect(set).toMatch(/^orp_session=dvt_/);
    expect(set).not.toContain('Secure');
    expect((await browser.get('http://127.0.0.1:8787/inbox')).status).toBe(200);
  });

  it('over plain http elsewhere is sent to https, before a password is typed', async () => {
    const shown = await new Browser().get('http://orp.test/login');
    expect([shown.status, shown.location]).toEqual([308, 'https://orp.test/login']);
  });

  it('with a wrong password shows the form again with the sentence and the address', async () => {
    const person = await aPerson({ passwordHash: hashOf(PASSWORD) });
    const shown = await new Browser().post('/login', { email: person.email, password: 'not-the-one' });
    expect(shown.status).toBe(401);
    expect(shown.text).toContain('The e-mail address or the password is wrong.');
    expect(shown.html).toContain(`value="${person.email}"`);
    expect(shown.html).not.toContain('not-the-one');
    expect(shown.headers.get('set-cookie')).toBeNull();
  });

  it('to a disabled account is refused, and its sessions end within 30 s', async () => {
    const { person, browser } = await signedIn();
    await env.DB.prepare('UPDATE users SET disabled_at = 1 WHERE id = ?').bind(person.userId).run();
    const again = await new Browser().post('/login', { email: person.email, password: PASSWORD });
    expect(again.text).toContain('This account is disabled.');
    advance(31 * SECOND);
    expect((await browser.get('/inbox')).location).toBe('/login?next=%2Finbox');
    expect((await send(getMe, { as: person })).status).toBe(401);
  });

  it.each([
    ['/jobs?status=live', '/jobs?status=live'],
    ['//evil.test', '/inbox'],
    ['/\\evil.test', '/inbox'],
    ['https://evil.test', '/inbox'],
    ['/jobs\r\nX: y', '/inbox'],
  ])('that was asked for by %j leads to %j', async (next, location) => {
    const person = await aPerson({ passwordHash: hashOf(PASSWORD) });
    const sent = await new Browser().post('/login', { email: person.email, password: PASSWORD, next });
    expect(sent.location).toBe(location);
  });
});

describe('a session', () => {
  it('is needed for every page, which is shown after the sign-in', async () => {
    const shown = await new Browser().get('/jobs?status=live');
    expect([shown.status, shown.location]).toEqual([303, '/login?next=%2Fjobs%3Fstatus%3Dlive']);
  });

  it('opens no API, and a bearer token opens no page', async () => {
    const person = await aPerson();
    const browser = await aBrowser(person);
    const token = browser.cookies.get('__Host-orp') ?? '';
    expect((await send(getMe, { as: { ...person, token } })).status).toBe(401);
    browser.cookies.set('__Host-orp', person.token);
    expect((await browser.get('/inbox')).status).toBe(303);
  });

  it('ends after 30 days', async () => {
    const browser = await aBrowser(await aPerson());
    advance(30 * DAY - 1);
    expect((await browser.get('/inbox')).status).toBe(200);
    advance(31 * SECOND);
    expect((await browser.get('/inbox')).status).toBe(303);
  });

  it('ends with the sign-out, and says so', async () => {
    const browser = await aBrowser(await aPerson());
    const token = browser.cookies.get('__Host-orp') ?? '';
    const shown = await browser.postAndFollow('/logout');
    expect(shown.text).toContain('You are signed out.');
    expect(browser.cookies.has('__Host-orp')).toBe(false);
    browser.cookies.set('__Host-orp', token);
    expect((await browser.get('/inbox')).status).toBe(303);
  });
});
