/** Every page in a real browser: nothing breaks, nothing shifts, nothing is too large, and everybody can read it. */

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Api, type FullAccount, fillAccount } from '../browser/full-account.ts';
import { chartRows, INSERT_CHART_ROWS } from '../browser/full-charts.ts';
import { pageList } from '../browser/page-list.ts';
import { signIn } from '../browser/sign-in.ts';
import {
  closeWindow,
  DESKTOP,
  findBarriers,
  openWindow,
  PHONE,
  startBrowser,
  whyNoBrowser,
} from '../support/browser.ts';
import { type Hosted, startHosted, type TestUser } from '../support/hosted.ts';

const MOST_BYTES = 60_000;

const missing = whyNoBrowser();
if (missing !== undefined) {
  console.warn(missing);
  it.skip(missing);
}

describe.skipIf(missing !== undefined)('in a browser', () => {
  let hosted: Hosted;
  let browser: Browser;
  let operator: TestUser;
  let newcomer: TestUser;
  let account: FullAccount;

  beforeAll(async () => {
    hosted = await startHosted();
    browser = await startBrowser();
    [operator, newcomer] = [await hosted.createUser('operator'), await hosted.createUser()];
    const api = new Api(hosted.url, await hosted.signIn(operator));
    account = await fillAccount(api, (jobId) =>
      hosted.database.prepare("UPDATE jobs SET status = 'lost' WHERE id = ?").bind(jobId).run(),
    );
    await hosted.database
      .prepare(INSERT_CHART_ROWS)
      .bind(JSON.stringify(chartRows(Date.now())))
      .run();
  });

  afterAll(async () => {
    await browser.close();
    await hosted.close();
  });

  it.each([
    ['a desktop', DESKTOP],
    ['a phone', PHONE],
  ] as const)(
    'every page on %s has no serious barrier in light and dark, no error, no shift and no sideways scroll',
    async (_, size) => {
      const { context, page, complaints } = await openWindow(browser, { size });
      await context.addInitScript(COUNT_SHIFTS);
      const found: string[] = [];
      for (const [person, filled] of [
        [operator, account],
        [newcomer, undefined],
      ] as const) {
        await context.clearCookies();
        for (const { name, path, isSignedOut } of pageList(filled)) {
          if (!isSignedOut && !(await isSignedIn(page))) await signIn(page, hosted.url, person);
          await page.emulateMedia({ colorScheme: 'light' });
          await page.goto(hosted.url + path);
          const about = `${name} (${filled ? 'full' : 'empty'})`;
          if (await scrollsSideways(page)) found.push(`${about}: scrolls sideways`);
          if ((await shiftOf(page)) > 0) found.push(`${about}: its layout shifts`);
          for (const colorScheme of ['light', 'dark'] as const) {
            await page.emulateMedia({ colorScheme });
            for (const barrier of await findBarriers(page))
              found.push(`${about}, ${colorScheme}: ${barrier}`);
          }
        }
      }
      await closeWindow(context);
      // The page that is missing on purpose.
      const errors = complaints.list.filter((line) => !line.includes('/nowhere'));
      expect([...found, ...errors]).toEqual([]);
    },
  );

  it('no page transfers more than 60 kB, without the transcript', async () => {
    const { context, page } = await openWindow(browser, { size: DESKTOP });
    await signIn(page, hosted.url, operator);
    // Every visit is the first one.
    const cdp = await context.newCDPSession(page);
    await cdp.send('Network.setCacheDisabled', { cacheDisabled: true });
    let bytes = 0;
    page.on('requestfinished', async (request) => {
      // A live update may still be on its way when the page is left.
      const sizes = await request.sizes().catch(() => undefined);
      bytes += (sizes?.responseBodySize ?? 0) + (sizes?.responseHeadersSize ?? 0);
    });
    const large: string[] = [];
    for (const { name, path } of pageList(account).filter(({ isSignedOut }) => !isSignedOut)) {
      bytes = 0;
      await page.goto(hosted.url + path, { waitUntil: 'load' });
      await page.waitForTimeout(100);
      if (bytes > MOST_BYTES) large.push(`${name}: ${bytes} bytes`);
      expect(bytes, name).toBeGreaterThan(1000);
    }
    await closeWindow(context);
    expect(large).toEqual([]);
  });

  it('every page is read without scripting, with its data', async () => {
    const { context, page } = await openWindow(browser, { size: PHONE, hasScript: false });
    await signIn(page, hosted.url, operator);
    await page.goto(`${hosted.url}/jobs/${account.doneJobId}`);
    const text = await page.locator('main').textContent();
    expect(text).toContain('The north gauge reads 3.2 cm too high.');
    expect(text).toContain('gauges.json is updated and all 60 tests pass.');
    await page.goto(`${hosted.url}/jobs`);
    expect(await page.locator('main').textContent()).toContain('<script>alert(1)</script>');
    await closeWindow(context);
  });
});

async function isSignedIn(page: Page): Promise<boolean> {
  return (await page.context().cookies()).length > 0;
}

async function scrollsSideways(page: Page): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollWidth > window.innerWidth');
}

/** Counts in each new page how far its parts jump, except after what a person does. */
const COUNT_SHIFTS = `
  globalThis.shift = 0;
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) globalThis.shift += value;
  }).observe({ type: 'layout-shift', buffered: true });`;

async function shiftOf(page: Page): Promise<number> {
  return page.evaluate('globalThis.shift');
}
