/** The console in a real browser: it is live, it pauses, a watched bulk run proceeds, and all of it works without scripting. */

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Api } from '../browser/full-account.ts';
import { signIn } from '../browser/sign-in.ts';
import { closeWindow, DESKTOP, openWindow, PHONE, startBrowser, whyNoBrowser } from '../support/browser.ts';
import { type Hosted, startHosted, type TestUser } from '../support/hosted.ts';

const CONSOLE = '/dashboard/admin/runners';

const missing = whyNoBrowser();
if (missing !== undefined) {
  console.warn(missing);
  it.skip(missing);
}

describe.skipIf(missing !== undefined)('the console in a browser', () => {
  let hosted: Hosted;
  let browser: Browser;
  let operator: TestUser;
  let owner: TestUser;
  let api: Api;

  beforeAll(async () => {
    hosted = await startHosted();
    browser = await startBrowser();
    [operator, owner] = [await hosted.createUser('operator'), await hosted.createUser()];
    api = new Api(hosted.url, await hosted.signIn(owner));
    const idea = await api.send('POST', '/api/cli/ideas', { title: 'Tidal survey', notes: 'Measure.' });
    const machine = {
      machineId: 'm-1',
      machineName: 'workbench',
      root: '/home/mira/survey',
      ideaId: idea.id,
    };
    await api.sync({ ...machine, sessions: ['main'] });
  });

  afterAll(async () => {
    await browser.close();
    await hosted.close();
  });

  async function open(
    path: string,
    look: { hasScript?: boolean; size?: typeof DESKTOP } = {},
  ): Promise<Page> {
    const { page } = await openWindow(browser, { size: DESKTOP, ...look });
    await signIn(page, hosted.url, operator);
    await page.goto(hosted.url + path);
    return page;
  }

  const queue = async (count: number) => {
    for (let at = 0; at < count; at += 1) await api.prompt(`Count gauge ${at}.`, { machineId: 'm-1' });
  };

  it('shows a new job without a reload, and not while it is paused', async () => {
    const page = await open(`/dashboard/admin/jobs?account=${owner.email}`);
    await api.prompt('Count the gulls.', { machineId: 'm-1' });
    await page.getByRole('link', { name: 'Count the gulls.' }).waitFor({ timeout: 5000 });
    await page.getByRole('button', { name: 'Pause updates' }).click();
    await api.prompt('Count the seals.', { machineId: 'm-1' });
    await page.waitForTimeout(2500);
    expect(await page.getByRole('link', { name: 'Count the seals.' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Resume updates' }).click();
    await page.getByRole('link', { name: 'Count the seals.' }).waitFor({ timeout: 5000 });
    await closeWindow(page.context());
  });

  it('moves a watched bulk run on to its end', async () => {
    await queue(45);
    const page = await open(`/dashboard/admin/bulk?action=cancel&account=${owner.email}`);
    await page.getByLabel('Name of the run').fill('watched');
    await page.getByRole('button', { name: /^Cancel \d+ jobs$/ }).click();
    await page.getByText(/^completed (\d+) of \1 jobs cancelled\.$/).waitFor({ timeout: 15_000 });
    expect(await page.getByText('Abort…').count()).toBe(0);
    await closeWindow(page.context());
  });

  it('drains a machine, cancels a job and runs a bulk order without scripting, on a phone', async () => {
    await queue(25);
    const page = await open(CONSOLE, { hasScript: false, size: PHONE });
    await page.getByRole('link', { name: 'workbench' }).click();
    await page.getByText('Drain…').click();
    await page.getByRole('button', { name: 'Drain the machine' }).click();
    await page.getByRole('status').getByText('workbench is draining').waitFor();
    await page.getByText('Actions…').first().click();
    await page.getByRole('button', { name: 'Cancel the job' }).first().click();
    await page.getByText(/^Cancelled job job_/).waitFor();
    await page.goto(`${hosted.url}/dashboard/admin/bulk?action=cancel&account=${owner.email}`);
    await page.getByLabel('Name of the run').fill('by-hand');
    await page.getByRole('button', { name: 'Cancel 24 jobs' }).click();
    await page.getByText('20 of 24 jobs cancelled').waitFor();
    await page.getByRole('button', { name: 'Do the next step now' }).click();
    await page.getByText('24 of 24 jobs cancelled').waitFor();
    await closeWindow(page.context());
  });

  it('is used with the keyboard alone: filter, open a machine, resume it', async () => {
    const page = await open(CONSOLE);
    await page.keyboard.press('/');
    await page.keyboard.type('workbench');
    await page.keyboard.press('Enter');
    await page.waitForURL(/q=workbench/);
    const link = page.getByRole('link', { name: 'workbench' });
    for (let moves = 0; moves < 10 && !(await isFocused(page, 'workbench')); moves += 1) {
      await page.keyboard.press('j');
    }
    expect(await link.count()).toBe(1);
    await page.keyboard.press('Enter');
    await page.waitForURL(/runners\/m-1/);
    for (let moves = 0; moves < 30 && !(await isFocused(page, 'Resume')); moves += 1) {
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Enter');
    await page.getByText('workbench claims jobs again.').waitFor();
    await closeWindow(page.context());
  });
});

async function isFocused(page: Page, words: string): Promise<boolean> {
  return (await page.evaluate('document.activeElement?.textContent.trim()')) === words;
}
