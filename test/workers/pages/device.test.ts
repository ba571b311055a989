/** The page that signs a terminal in. */

import { describe, expect, it } from 'vitest';
import { getMe, startDevice, takeDeviceToken } from '../../../spec/contract/auth.ts';
import { aBrowser, Browser } from '../harness/browser.ts';
import { accepts, refuses, send } from '../harness/call.ts';
import { advance, MINUTE } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import { aPerson } from '../harness/people.ts';

const aTerminal = (deviceName: string) => accepts(startDevice, { body: { deviceName } });

describe('a terminal that waits to be signed in', () => {
  it('is shown with its machine and network, and gets a token after the approval', async () => {
    const person = await aPerson();
    const browser = await aBrowser(person);
    const { deviceCode, userCode } = await aTerminal('studio-mini <b>');
    const shown = await browser.get(`/device?code=${userCode.toLowerCase()}`);
    expect(shown.text).toContain('Sign in studio-mini <b>?');
    expect(shown.text).toContain(userCode);
    expect(shown.html).not.toContain('<b>');

    const done = await browser.postAndFollow('/device/approve', { code: userCode });
    expect(done.text).toContain(`is signed in as ${person.email}`);
    const { token } = await accepts(takeDeviceToken, { body: { deviceCode } });
    expect((await send(getMe, { as: { ...person, token } })).status).toBe(200);
    expect((await browser.get(`/device?code=${userCode}`)).text).toContain(
      'No terminal is waiting for this code.',
    );
  });

  it('gets nothing after it was denied', async () => {
    const browser = await aBrowser(await aPerson());
    const { deviceCode, userCode } = await aTerminal('stranger');
    const done = await browser.postAndFollow('/device/deny', { code: userCode });
    expect(done.text).toContain('stranger was not signed in.');
    await refuses(takeDeviceToken, 'access_denied', { body: { deviceCode } });
  });

  it('is decided by one person: another one finds nothing', async () => {
    const { userCode } = await aTerminal('studio-mini');
    await (await aBrowser(await aPerson())).postAndFollow('/device/approve', { code: userCode });
    const second = await (await aBrowser(await aPerson())).post('/device/approve', { code: userCode });
    expect(second.status).toBe(404);
  });

  it('cannot be approved after ten minutes', async () => {
    const browser = await aBrowser(await aPerson());
    const { userCode } = await aTerminal('studio-mini');
    advance(11 * MINUTE);
    const late = await browser.post('/device/approve', { code: userCode });
    expect(late.status).toBe(404);
    expect(late.text).toContain('Codes are valid for ten minutes.');
  });

  it.each(['', 'WDJB', '"><script>', 'x'.repeat(500)])(
    'shows the form again for the code %j',
    async (code) => {
      const browser = await aBrowser(await aPerson());
      const shown = await browser.get(`/device?code=${encodeURIComponent(code)}`);
      expect(shown.text).toContain('shows a code with eight letters');
      expect(shown.html).not.toContain('"><script>');
    },
  );

  it('is approved only by somebody who is signed in, and who comes back here after the sign-in', async () => {
    const { userCode } = await aTerminal('studio-mini');
    const stranger = await new Browser().get(`/device?code=${userCode}`);
    expect(stranger.location).toBe(`/login?next=${encodeURIComponent(`/device?code=${userCode}`)}`);
    expect((await new Browser().post('/device/approve', { code: userCode })).location).toBe('/login');
  });
});

describe('wrong codes of a signed-in person', () => {
  it('count together from all networks: of 300, ten are looked at, and nobody else notices', async () => {
    const attacker = await aPerson();
    const browser = await aBrowser(attacker);
    const guess = (tries: number) =>
      browser.get('/device?code=BCDF-GHJK', { 'CF-Connecting-IP': `2001:db8:77:${tries.toString(16)}::1` });
    const statuses: number[] = [];
    for (let tries = 0; tries < 300; tries += 1) statuses.push((await guess(tries)).status);
    expect(statuses.slice(0, 10)).toEqual(Array<number>(10).fill(404));
    expect(new Set(statuses.slice(10))).toEqual(new Set([429]));

    const { written, value } = await billOf(() => guess(300));
    expect(written).toBe(0);
    expect(value.text).toContain('You have entered too many wrong codes. Try again in 15 min.');

    // The attacker's own terminal waits; another person approves theirs.
    const { userCode } = await aTerminal('studio-mini');
    expect((await browser.post('/device/approve', { code: userCode })).status).toBe(429);
    const neighbor = await aBrowser(await aPerson());
    expect((await neighbor.post('/device/approve', { code: userCode })).status).toBe(303);
    await accepts(getMe, { as: attacker });
  });
});
