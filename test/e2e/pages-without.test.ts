/** The pages without a pointer, and without scripting: a person still sends, cancels, retries, and reads every list. */

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Api, type FullAccount, fillAccount } from '../browser/full-account.ts';
import { signIn } from '../browser/sign-in.ts';
import { closeWindow, DESKTOP, openWindow, PHONE, startBrowser, whyNoBrowser } from '../support/browser.ts';
import { type Hosted, startHosted, type TestUser } from '../support/hosted.ts';

const missing = whyNoBrowser();
if (missing !== undefined) {
  console.warn(missing);
  it.skip(missing);
}

describe.skipIf(missing !== undefined)('a person', () => {
  let hosted: Hosted;
  let browser: Browser;
  let person: TestUser;
  let account: FullAccount;

  beforeAll(async () => {
    hosted = await startHosted();
    browser = await startBrowser();
    person = await hosted.createUser('operator');
    const api = new Api(hosted.url, await hosted.signIn(person));
    account = await fillAccount(api, (jobId) =>
      hosted.database.prepare("UPDATE jobs SET status = 'lost' WHERE id = ?").bind(jobId).run(),
    );
  });

  afterAll(async () => {
    await browser.close();
    await hosted.close();
  });

  it('with a keyboard alone signs in, finds a session, sends a prompt and cancels it', async () => {
    const { context, page } = await openWindow(browser, { size: DESKTOP });
    await page.goto(`${hosted.url}/login`);
    await page.locator('[name=email]:focus').waitFor();
    await page.keyboard.type(person.email);
    await page.keyboard.press('Tab');
    await page.keyboard.type(person.password);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${hosted.url}/inbox`);

    await tabTo(page, 'Send a prompt');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${hosted.url}/send`);
    for (let rows = 0; rows < 10 && !(await focused(page)).includes('charts'); rows += 1)
      await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/sessions\//);
    await tabTo(page, 'field-prompt');
    await page.keyboard.type('Sent without a mouse.');
    await tabTo(page, 'Send');
    await page.keyboard.press('Enter');
    await page.getByText(/^Sent\./).waitFor();

    await tabTo(page, 'Details', { last: true });
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/jobs\//);
    await tabTo(page, 'Cancel…');
    await page.keyboard.press('Enter');
    await tabTo(page, 'Cancel the job');
    await page.keyboard.press('Enter');
    await page.locator('main .badge').getByText('cancelled', { exact: true }).waitFor();
    await closeWindow(context);
  });

  it('finds the keys with ?, reaches the filter with /, and closes with Escape', async () => {
    const { context, page } = await openWindow(browser, { size: DESKTOP });
    await signIn(page, hosted.url, person);
    await page.goto(`${hosted.url}/jobs`);
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await page.keyboard.press('/');
    expect(await page.evaluate('document.activeElement.matches("[data-filter] *")')).toBe(true);
    await page.keyboard.press('Escape');
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('k');
    expect(
      await page.evaluate(
        'document.activeElement.closest("[data-row]") === document.querySelector("[data-row]")',
      ),
    ).toBe(true);
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/jobs\/job_/);
    await closeWindow(context);
  });

  it('without scripting reads lists and uses every form of the story, from the filter to the sign-out', async () => {
    const { context, page } = await openWindow(browser, { size: PHONE, hasScript: false });
    await signIn(page, hosted.url, person);
    await page.goto(`${hosted.url}/jobs`);
    await page.getByLabel('Status').selectOption('lost');
    await page.getByRole('button', { name: /Filter|Show|Apply/ }).click();
    await page.waitForURL(/status=lost/);
    await page.locator(`a[href="/jobs/${account.lostJobId}"]`).click();
    await page.getByText('Retry…').click();
    await page.getByText(/twice/).first().waitFor();
    await page.getByRole('button', { name: 'Retry anyway' }).click();
    await page.locator('main .badge').getByText('queued', { exact: true }).waitFor();

    await page.goto(`${hosted.url}/sessions/${account.sessionId}`);
    await page.getByLabel('Next prompt').fill('Sent without scripting.');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText(/^Sent\./).waitFor();
    expect(await page.locator('main').textContent()).toContain('Sent without scripting.');

    await page.goto(`${hosted.url}/inbox`);
    const failed = page.locator('article', { has: page.locator(`a[href="/jobs/${account.failedJobId}"]`) });
    await failed.getByRole('button', { name: 'Dismiss' }).click();
    await page.getByText(/^Dismissed\./).waitFor();
    expect(await failed.count()).toBe(0);
    await page.goto(`${hosted.url}/jobs/${account.runningJobId}`);
    await page.locator('summary', { hasText: 'Cancel…' }).click();
    await page.getByRole('button', { name: 'Cancel the job' }).click();
    await page.locator('main .badge').getByText('cancelled', { exact: true }).waitFor();

    await page.goto(`${hosted.url}/ideas?deleted=1`);
    await page.getByRole('button', { name: 'Restore' }).click();
    await page.getByText('Paper logbook is back.').waitFor();
    await page.goto(`${hosted.url}/ideas`);
    await page.getByRole('link', { name: 'Paper logbook' }).waitFor();
    const asked = await fetch(`${hosted.url}/api/auth/device/code`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ deviceName: 'studio-mini' }),
    });
    const { userCode } = (await asked.json()) as { userCode: string };
    await page.goto(`${hosted.url}/inbox`);
    await page.getByLabel('Code of the terminal').fill(userCode);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByText(/studio-mini is signed in as/).waitFor();

    const devices = page.locator('[data-row]', { hasText: 'Terminal' });
    const before = await devices.count();
    await devices.first().getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('status').getByText('is revoked.').waitFor();
    expect(await devices.count()).toBe(before - 1);
    await page.goto(`${hosted.url}/settings`);
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await page.waitForURL(/\/login/);
    await page.goto(`${hosted.url}/jobs`);
    expect(page.url()).toContain('/login');
    await closeWindow(context);
  });
});

/** What has the focus: its text, or its id. */
function focused(page: Page): Promise<string> {
  return page.evaluate(
    '[document.activeElement.textContent.trim().slice(0, 200), document.activeElement.id].join(" ").trim()',
  );
}

/** Presses Tab until the element with this text or id has the focus. */
async function tabTo(page: Page, name: string, { last = false } = {}): Promise<void> {
  const seen: string[] = [];
  const wanted = last
    ? await page.evaluate<number>(
        `[...document.querySelectorAll('a')].filter((one) => one.textContent.trim() === ${JSON.stringify(name)}).length`,
      )
    : 1;
  for (let found = 0, tabs = 0; tabs < 80; tabs += 1) {
    await page.keyboard.press('Tab');
    const now = await focused(page);
    seen.push(now);
    if (now === name || now.endsWith(` ${name}`)) found += 1;
    if (found === wanted) return;
  }
  throw new Error(`Tab never reached ${name}: ${seen.join(' | ')}`);
}
