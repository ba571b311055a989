/** The inbox: cards, and the orders on them. */

import { describe, expect, it } from 'vitest';
import { startDevice, takeDeviceToken } from '../../../spec/contract/auth.ts';
import { aBrowser } from '../harness/browser.ts';
import { accepts } from '../harness/call.ts';
import { advance, MINUTE, SECOND } from '../harness/clock.ts';
import { aMachine, aPrompt, aRunningPrompt, claimAndStart, complete, show } from '../harness/machines.ts';
import { fireCron } from '../harness/objects.ts';
import { aPerson } from '../harness/people.ts';

describe('the inbox', () => {
  it('says so when nothing needs a person, and shows what runs and waits', async () => {
    const machine = await aMachine();
    const browser = await aBrowser(machine.owner);
    expect((await browser.get('/inbox')).text).toContain('Nothing needs you');
    await aPrompt(machine, { prompt: 'Count the gauges.' });
    await claimAndStart(machine);
    advance(SECOND);
    await aPrompt(machine, { prompt: 'Then the buoys.' });
    const { text } = await browser.get('/inbox');
    expect(text).toMatch(
      /Session orp-main is busy with job .*Running 1 .*Count the gauges\. .*Queued 1 .*Then the buoys\./,
    );
  });

  it('retries a lost job after its warning, and returns to the inbox', async () => {
    const held = await aRunningPrompt({ prompt: 'Count the gauges.' });
    const { owner } = held.machine;
    const browser = await aBrowser(owner);
    advance(3 * MINUTE);
    await fireCron();
    const lost = await browser.get('/inbox');
    expect(lost.text).toMatch(
      /Count the gauges\. lost .*stopped responding .*the prompt may run twice\. Retry anyway/,
    );
    const form = { attempt: '1', back: '/inbox' };
    const retried = await browser.postAndFollow(`/jobs/${held.jobId}/retry`, form);
    expect(retried.text).toMatch(/Queued again\. .*the prompt may run twice\. .*Queued 1/);
    expect((await show(owner, held.jobId)).status).toBe('queued');
  });

  it('dismisses a failed job, whose next step it names', async () => {
    const held = await aRunningPrompt({ prompt: 'Count the gauges.' });
    await complete(held, { success: false, error: 'No such gauge.' });
    const browser = await aBrowser(held.machine.owner);
    expect((await browser.get('/inbox')).text).toMatch(
      /Count the gauges\. failed .*No such gauge\. \S.* Retry Dismiss/,
    );
    const shown = await browser.postAndFollow(`/inbox/${held.jobId}/dismiss`);
    expect(shown.text).toMatch(/Dismissed\. .*Nothing needs you/);
    const stranger = await aBrowser(await aPerson());
    expect((await stranger.post(`/inbox/${held.jobId}/dismiss`)).status).toBe(404);
  });

  it('offers to type the code of a terminal in the same network, without any word of that terminal', async () => {
    const [home, elsewhere] = [{ 'cf-connecting-ip': '203.0.113.7' }, { 'cf-connecting-ip': '198.51.100.1' }];
    const browser = await aBrowser(await aPerson());
    const { userCode, deviceCode } = await accepts(startDevice, {
      headers: home,
      body: { deviceName: 'Your bank: approve me' },
    });
    expect((await browser.get('/inbox', elsewhere)).text).not.toContain('terminal');
    const shown = await browser.get('/inbox', home);
    expect(shown.text).toContain('A terminal in your network waits to be signed in.');
    expect(shown.html).toContain('<form method="get" action="/device"');
    for (const word of ['bank', userCode, userCode.replace('-', '')]) expect(shown.html).not.toContain(word);

    await accepts(startDevice, { headers: home, body: { deviceName: 'second' } });
    expect((await browser.get('/inbox', home)).text).toContain('2 terminals in your network wait');
    await browser.postAndFollow('/device/approve', { code: userCode });
    await accepts(takeDeviceToken, { body: { deviceCode } });
    expect((await browser.get('/inbox', home)).text).toContain('A terminal in your network waits');
    advance(11 * MINUTE);
    expect((await browser.get('/inbox', home)).text).toContain('Nothing needs you');
  });

  it('sends nobody to another site', async () => {
    const held = await aRunningPrompt();
    const browser = await aBrowser(held.machine.owner);
    const sent = await browser.post(`/jobs/${held.jobId}/cancel`, { back: '//evil.test' });
    expect(sent.location).toBe(`/jobs/${held.jobId}`);
  });
});
