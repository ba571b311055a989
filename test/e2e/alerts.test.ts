/**
 * Every alert of the console in a real browser: it appears on the open page when its condition is made true, and it disappears
 * when the condition is repaired. The page is not reloaded.
 */

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Api, type Held } from '../browser/full-account.ts';
import { signIn } from '../browser/sign-in.ts';
import { DESKTOP, openWindow, startBrowser, whyNoBrowser } from '../support/browser.ts';
import { type Hosted, startHosted, type TestUser } from '../support/hosted.ts';

const MINUTE_MS = 60_000;
/** Longer than a page needs on a busy machine. */
const PATIENCE = { timeout: 30_000 };

const missing = whyNoBrowser();
if (missing !== undefined) {
  console.warn(missing);
  it.skip(missing);
}

describe.skipIf(missing !== undefined)('an alert', () => {
  let hosted: Hosted;
  let browser: Browser;
  let page: Page;
  let complaints: { list: string[] };
  let operator: TestUser;
  let api: Api;
  let ideaId: string;
  let machines = 0;

  beforeAll(async () => {
    hosted = await startHosted();
    browser = await startBrowser();
    operator = await hosted.createUser('operator');
    api = new Api(hosted.url, await hosted.signIn(await hosted.createUser()));
    ideaId = (await api.send('POST', '/api/cli/ideas', { title: 'Tidal survey', notes: 'Measure.' })).id;
    ({ page, complaints } = await openWindow(browser, { size: DESKTOP }));
    await signIn(page, hosted.url, operator);
    await page.goto(`${hosted.url}/dashboard/admin/alerts`);
    await page.getByText('All is well: no alert.').waitFor(PATIENCE);
  });

  afterAll(async () => {
    await browser.close();
    await hosted.close();
  });

  /** A machine with a repository and a session of its own. */
  async function aMachine(appVersion = '0.5.0') {
    machines += 1;
    const machine = {
      machineId: `m-${machines}`,
      machineName: `workbench-${machines}`,
      root: `/home/mira/survey-${machines}`,
      ideaId,
      sessions: ['main'],
    };
    const sync = (version: string) => api.sync(machine, { appVersion: version });
    await sync(appVersion);
    return { ...machine, sync };
  }

  async function aRunningJob(): Promise<Held> {
    const { machineId, root } = await aMachine();
    await api.prompt('Count the gauges.', { machineId, projectRoot: root });
    return api.take(machineId);
  }

  const beat = (machineId: string, more: object = {}) =>
    api.send('POST', '/api/cli/runner/heartbeat', { machineId, ...more });

  const write = (sql: string, ...values: (string | number)[]) =>
    hosted.database
      .prepare(sql)
      .bind(...values)
      .run();

  /** Makes a condition true, and returns its repair. */
  const CONDITIONS: Record<string, () => Promise<{ repair: () => Promise<unknown> }>> = {
    async 'Leases have expired'() {
      const held = await aRunningJob();
      await write('UPDATE jobs SET lease_expires_at = ? WHERE id = ?', Date.now() - MINUTE_MS, held.jobId);
      return { repair: () => api.tell(held, 'complete', { success: true, content: 'Three.' }) };
    },
    async 'Jobs are lost'() {
      const { jobId } = await aRunningJob();
      await write("UPDATE jobs SET status = 'lost' WHERE id = ?", jobId);
      return { repair: () => api.send('POST', `/api/cli/runner/jobs/${jobId}/cancel`, {}) };
    },
    async 'Jobs have no session to go to'() {
      const root = '/home/mira/not-linked-yet';
      const jobId = await api.prompt('Tidy up.', { projectRoot: root });
      await write('UPDATE jobs SET available_at = available_at - ? WHERE id = ?', 2 * MINUTE_MS, jobId);
      const machine = { machineId: 'm-late', machineName: 'late', root, ideaId, sessions: ['main'] };
      return { repair: () => api.sync(machine) };
    },
    async 'Machines with work are silent'() {
      const { machineId, root } = await aMachine();
      await api.prompt('Count the buoys.', { machineId, projectRoot: root });
      const seen = Date.now() - 11 * MINUTE_MS;
      await write('UPDATE machines SET last_seen_at = ? WHERE id = ?', seen, machineId);
      return { repair: () => beat(machineId) };
    },
    async 'Jobs were retried again and again'() {
      const { machineId, root } = await aMachine();
      const jobId = await api.prompt('Count the wrecks.', { machineId, projectRoot: root });
      for (let tries = 0; tries < 3; tries += 1) {
        await api.tell(await api.take(machineId), 'complete', { success: false, error: 'No boat.' });
        await api.send('POST', `/api/cli/runner/jobs/${jobId}/retry`, {});
      }
      const repair = async () =>
        api.tell(await api.take(machineId), 'complete', { success: true, content: 'Two.' });
      return { repair };
    },
    async 'Results wait on machines'() {
      const { machineId } = await aMachine();
      const oldestAt = new Date(Date.now() - 20 * MINUTE_MS).toISOString();
      await beat(machineId, { spool: { leases: 2, bytes: 12_000_000, oldestAt } });
      return { repair: () => beat(machineId, { spool: { leases: 0, bytes: 0 } }) };
    },
    async 'Machines run an older orp'() {
      await aMachine('0.5.0');
      const { sync } = await aMachine('0.4.4');
      return { repair: () => sync('0.5.0') };
    },
  };

  it.each(Object.keys(CONDITIONS))(
    '"%s" appears when its condition is made true, and disappears when it is repaired',
    async (title) => {
      const card = page.locator('article', { has: page.getByRole('heading', { name: title, exact: true }) });
      expect(await card.count()).toBe(0);
      const { repair } = (await CONDITIONS[title]?.()) ?? {};
      await card.waitFor(PATIENCE);
      expect(await card.textContent()).toContain('Next:');
      await repair?.();
      await card.waitFor({ state: 'detached', ...PATIENCE });
      expect(complaints.list).toEqual([]);
    },
  );

  it('is on the first page of the console, too, where its job is decided', async () => {
    const { jobId } = await aRunningJob();
    await write("UPDATE jobs SET status = 'lost' WHERE id = ?", jobId);
    await page.goto(`${hosted.url}/dashboard/admin/runners`);
    await page.getByRole('heading', { name: 'Jobs are lost' }).waitFor(PATIENCE);
    await page.goto(`${hosted.url}/dashboard/admin/jobs?status=lost`);
    await page.locator('[data-row]', { hasText: 'Count the gauges.' }).getByText('Actions…').click();
    await page.getByRole('button', { name: 'Cancel the job' }).click();
    await page.getByText(`Cancelled job ${jobId}`).waitFor(PATIENCE);
    await page.goto(`${hosted.url}/dashboard/admin/runners`);
    expect(await page.getByRole('heading', { name: 'Jobs are lost' }).count()).toBe(0);
  });
});
