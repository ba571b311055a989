/** The settings: devices and the password. */

import { describe, expect, it } from 'vitest';
import { deviceLogin, getMe } from '../../../spec/contract/auth.ts';
import { aBrowser } from '../harness/browser.ts';
import { send } from '../harness/call.ts';
import { hashOf } from '../harness/passwords.ts';
import { aPerson, aToken } from '../harness/people.ts';

const PASSWORD = 'open sesame 42';
const NEXT = 'a longer sesame 43';

/** The forms that revoke a device, in the order of the page. */
function revokeForms(html: string): string[] {
  return [...html.matchAll(/action="(\/settings\/devices\/[0-9a-f]+\/revoke)"/g)].map(
    ([, path]) => path ?? '',
  );
}

describe('the devices', () => {
  it('are listed without their tokens, and one is signed out with one tap', async () => {
    const owner = await aPerson();
    const browser = await aBrowser(owner);
    const { html, text } = await browser.get('/settings');
    expect(text).toContain('Firefox on Linux this browser');
    expect(html).not.toContain(owner.token);
    const [path = ''] = revokeForms(html);
    expect((await browser.postAndFollow(path)).text).toContain('test is revoked.');
    expect((await send(getMe, { as: owner })).status).toBe(401);
    expect(revokeForms((await browser.get('/settings')).html)).toEqual([]);
  });

  it('of somebody else cannot be signed out', async () => {
    const other = await aPerson();
    const [path = ''] = revokeForms((await (await aBrowser(other)).get('/settings')).html);
    const shown = await (await aBrowser(await aPerson())).post(path);
    expect(shown.status).toBe(404);
    expect((await send(getMe, { as: other })).status).toBe(200);
  });

  it('are all signed out but this browser', async () => {
    const owner = await aPerson();
    const others = [await aBrowser(owner), await aBrowser(owner)];
    const second = { ...owner, token: await aToken(owner.userId) };
    const browser = await aBrowser(owner);
    const shown = await browser.postAndFollow('/settings/devices/revoke-others');
    expect(shown.text).toContain('4 other devices signed out.');
    for (const other of others) expect((await other.get('/inbox')).status).toBe(303);
    expect((await send(getMe, { as: second })).status).toBe(401);
    expect((await browser.get('/inbox')).status).toBe(200);
  });
});

describe('a token for a program', () => {
  it('is made on the page, shown once, and revoked there', async () => {
    const owner = await aPerson();
    const browser = await aBrowser(owner);
    const made = await browser.post('/settings/tokens', { name: 'nightly', scope: 'read', expiry: '30' });
    expect(made.status).toBe(200);
    const [token = ''] = /dvt_[\w-]{43}/.exec(made.html) ?? [];
    const as = { ...owner, token };
    expect((await send(getMe, { as })).text).toContain('"scope":"read"');
    const again = await browser.get('/settings');
    expect(again.html).not.toContain(token);
    expect(again.text).toContain('nightly Token (read)');
    await browser.post('/settings/devices/revoke-others');
    expect((await send(getMe, { as })).status).toBe(401);
  });

  it.each([
    [{ name: ' ', scope: 'read', expiry: '30' }, 'The name must have 1 to 200 characters.'],
    [{ name: 'x', scope: 'admin', expiry: '30' }, 'The scope must be read, enqueue, owner.'],
    [{ name: 'x', scope: 'read', expiry: '0' }, 'The expiry must be 30, 90, 365 days or never.'],
  ])('is not made of %j', async (form, sentence) => {
    const browser = await aBrowser(await aPerson());
    const shown = await browser.post('/settings/tokens', form);
    expect([shown.status, shown.text]).toEqual([400, expect.stringContaining(sentence)]);
    expect(shown.html).not.toContain('dvt_');
  });

  it('shows its name as text only', async () => {
    const browser = await aBrowser(await aPerson());
    const name = '<script>alert(1)</script>';
    const made = await browser.post('/settings/tokens', { name, scope: 'read', expiry: 'never' });
    expect(made.text).toContain(name);
    expect(made.html).not.toContain(name);
  });
});

describe('a new password', () => {
  it('signs in from then on, signs out other browsers, and leaves terminals alone', async () => {
    const owner = await aPerson({ passwordHash: hashOf(PASSWORD) });
    const other = await aBrowser(owner);
    const browser = await aBrowser(owner);
    const shown = await browser.postAndFollow('/settings/password', { current: PASSWORD, next: NEXT });
    expect(shown.text).toContain('Your password was changed. 1 other browser signed out.');
    expect((await other.get('/inbox')).status).toBe(303);
    expect((await send(getMe, { as: owner })).status).toBe(200);
    const signIn = (password: string) => send(deviceLogin, { body: { email: owner.email, password } });
    expect((await signIn(PASSWORD)).status).toBe(401);
    expect((await signIn(NEXT)).status).toBe(200);
  });

  it.each([
    [{ current: 'wrong password', next: NEXT }, 401, 'The e-mail address or the password is wrong.'],
    [{ current: PASSWORD, next: 'short' }, 400, 'The new password must have 12 to 1024 characters.'],
  ])('with %j is refused on the page', async (form, status, sentence) => {
    const owner = await aPerson({ passwordHash: hashOf(PASSWORD) });
    const shown = await (await aBrowser(owner)).post('/settings/password', form);
    expect(shown.status).toBe(status);
    expect(shown.text).toContain(sentence);
    expect(shown.html).not.toContain(form.next);
  });
});
