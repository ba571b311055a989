/**
 * What a person does on the pages, in a real browser, with a real runner and agent processes: on a desktop, on a phone, and
 * with the keyboard alone.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { orpJson } from '../../scripts/local/orp-command.ts';
import { projectPath } from '../../scripts/local/project-path.ts';
import { Api } from '../browser/full-account.ts';
import { signIn } from '../browser/sign-in.ts';
import { fileExists, isAlive, until } from '../cli/runner/job/conditions.ts';
import { closeWindow, DESKTOP, openWindow, PHONE, startBrowser, whyNoBrowser } from '../support/browser.ts';
import { type Hosted, startHosted } from '../support/hosted.ts';
import { linkSession, makeWorkspace, type Workspace } from '../support/workspace.ts';

const AGENT = projectPath('test/cli/runner/process/recipe-agent.mjs');
/** Longer than a page needs on a busy machine. */
const PATIENCE = { timeout: 30_000 };

const missing = whyNoBrowser();
if (missing !== undefined) {
  console.warn(missing);
  it.skip(missing);
}

const SIZES = [
  ['a desktop', DESKTOP, 'pointer'],
  ['a phone', PHONE, 'pointer'],
  ['a desktop with the keyboard alone', DESKTOP, 'keyboard'],
] as const;

describe.skipIf(missing !== undefined).each(SIZES)('a person on %s', (_, size, means) => {
  let hosted: Hosted;
  let browser: Browser;
  let workspace: Workspace;
  let runner: ChildProcess;
  let context: BrowserContext;
  let page: Page;
  let complaints: { list: string[] };

  beforeAll(async () => {
    hosted = await startHosted();
    browser = await startBrowser();
    workspace = await makeWorkspace(hosted);
    await linkSession(workspace, 'codex-session-1');
    runner = startRunner();
  });

  afterAll(async () => {
    await end(runner);
    await browser.close();
    workspace.remove();
    await hosted.close();
  });

  beforeEach(async () => {
    ({ context, page, complaints } = await openWindow(browser, { size }));
    if (means === 'pointer') return signIn(page, hosted.url, workspace.user);
    await page.goto(`${hosted.url}/login`);
    await page.locator('[name=email]:focus').waitFor(PATIENCE);
    await page.keyboard.type(workspace.user.email);
    await page.keyboard.press('Tab');
    await page.keyboard.type(workspace.user.password);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${hosted.url}/inbox`);
  });

  afterEach(async () => {
    await closeWindow(context);
    expect(complaints.list).toEqual([]);
  });

  function startRunner(): ChildProcess {
    const words = ['runner', 'work', '--codex-bin', AGENT, '--heartbeat-interval', '5'];
    return spawn(process.execPath, [projectPath('dist/orp.js'), ...words], {
      ...workspace.orp,
      stdio: 'ignore',
    });
  }

  /** Uses a link or a button. */
  async function use(control: Locator): Promise<void> {
    if (means === 'pointer') return control.click();
    await tabTo(control);
    await page.keyboard.press('Enter');
  }

  async function write(field: Locator, words: string): Promise<void> {
    if (means === 'pointer') return field.fill(words);
    await tabTo(field);
    await page.keyboard.type(words);
  }

  /** Presses Tab until the control has the focus. */
  async function tabTo(control: Locator): Promise<void> {
    await control.waitFor(PATIENCE);
    for (let tabs = 0; tabs < 120; tabs += 1) {
      if (await control.evaluate(hasFocus)) return;
      await page.keyboard.press('Tab');
    }
    throw new Error('Tab never reached it.');
  }

  /** From the inbox to the session, as somebody does who looks for it. */
  async function send(prompt: string): Promise<void> {
    await page.goto(`${hosted.url}/inbox`);
    await use(page.getByRole('link', { name: 'Send a prompt' }).first());
    await use(page.getByRole('link', { name: /Main$/ }));
    await write(page.getByLabel('Next prompt'), prompt);
    await use(page.getByRole('button', { name: 'Send' }));
    await page.getByText(/^Sent\./).waitFor(PATIENCE);
  }

  /** A prompt whose agent works until it is ended. */
  async function sendLong(name: string): Promise<{ agentPid: number }> {
    const ready = join(workspace.folder, `${name}-ready`);
    const journal = join(workspace.folder, `${name}-journal`);
    await send(JSON.stringify({ ready, journal, hang: true }));
    await fileExists(ready);
    return { agentPid: Number(/^start (\d+)/m.exec(readFileSync(journal, 'utf8'))?.[1]) };
  }

  const badge = (window: Page, status: string) =>
    window.locator('main .badge').getByText(status, { exact: true });

  it('sends a prompt and watches the answer of a real runner arrive', async () => {
    await send(`Say hello to ${size.width}.`);
    await page.getByText(`You said: Say hello to ${size.width}.`).waitFor(PATIENCE);
    await badge(page, 'completed').last().waitFor(PATIENCE);
  });

  it('cancels a job, and sees it confirmed; the agent is gone, and a second window shows it at once', async () => {
    const { agentPid } = await sendLong(`cancel-${size.width}`);
    await use(page.getByRole('link', { name: 'Details' }).last());
    await badge(page, 'running').waitFor(PATIENCE);
    const second = await context.newPage();
    await second.goto(page.url());
    await badge(second, 'running').waitFor(PATIENCE);
    const list = await context.newPage();
    await list.goto(`${hosted.url}/jobs?status=cancelled`);
    const before = await badge(list, 'cancelled').count();

    await use(page.locator('summary', { hasText: 'Cancel…' }));
    await use(page.getByRole('button', { name: 'Cancel the job' }));
    await badge(page, 'cancelled').waitFor(PATIENCE);
    await badge(second, 'cancelled').waitFor(PATIENCE);
    await badge(list, 'cancelled').nth(before).waitFor(PATIENCE);
    await until(async () => !(await isAlive(agentPid)));
    await page
      .getByText(/confirmed/i)
      .first()
      .waitFor(PATIENCE);
  });

  it('retries a lost job after the warning that it may run twice', async () => {
    const { agentPid } = await sendLong(`lost-${size.width}`);
    await use(page.getByRole('link', { name: 'Details' }).last());
    await badge(page, 'running').waitFor(PATIENCE);
    runner.kill('SIGKILL');
    await once(runner, 'exit');
    process.kill(agentPid, 'SIGKILL');
    const jobId = page.url().split('/').at(-1)?.split('#')[0] ?? '';
    await hosted.database.prepare("UPDATE jobs SET status = 'lost' WHERE id = ?").bind(jobId).run();

    await page.goto(`${hosted.url}/inbox`);
    await use(page.locator(`a[href="/jobs/${jobId}"]`).first());
    await badge(page, 'lost').waitFor(PATIENCE);
    await use(page.locator('summary', { hasText: 'Retry…' }));
    await page.getByText(/twice/).first().waitFor(PATIENCE);
    await use(page.getByRole('button', { name: 'Retry anyway' }));
    await badge(page, 'queued').waitFor(PATIENCE);
    await use(page.locator('summary', { hasText: 'Cancel…' }));
    await use(page.getByRole('button', { name: 'Cancel the job' }));
    await badge(page, 'cancelled').waitFor(PATIENCE);
    runner = startRunner();
  });

  it('removes an idea, and restores it', async () => {
    await page.goto(`${hosted.url}/ideas`);
    await use(page.getByRole('link', { name: 'Tidal survey' }));
    await use(page.locator('summary', { hasText: 'Remove…' }));
    await use(page.getByRole('button', { name: 'Remove the idea' }));
    await page.getByText('The idea was removed.').waitFor(PATIENCE);
    await page.goto(`${hosted.url}/ideas`);
    expect(await page.getByText('Tidal survey').count()).toBe(0);
    await page.goto(`${hosted.url}/ideas?deleted=1`);
    await use(page.getByRole('button', { name: 'Restore' }));
    await page.getByText('Tidal survey is back.').waitFor(PATIENCE);
    await page.goto(`${hosted.url}/ideas`);
    await page.getByRole('link', { name: 'Tidal survey' }).waitFor(PATIENCE);
  });

  it('opens no page of the console, and nothing of another owner', async () => {
    const stranger = await hosted.createUser();
    const api = new Api(hosted.url, await hosted.signIn(stranger));
    const other = await api.send('POST', '/api/cli/ideas', { title: 'Secret survey', notes: 'Hidden.' });
    const jobId = await api.prompt('Count in secret.', { projectRoot: '/home/noor/secret' });
    await page.goto(`${hosted.url}/inbox`);
    expect(await page.getByRole('link', { name: 'Console' }).count()).toBe(0);
    const paths = {
      '/dashboard/admin/runners': 403,
      '/dashboard/admin/jobs': 403,
      '/dashboard/admin/alerts': 403,
      '/dashboard/admin/people': 403,
      '/dashboard/admin/charts': 403,
      '/dashboard/admin/bulk': 403,
      [`/jobs/${jobId}`]: 404,
      [`/jobs/${jobId}/transcript.txt`]: 404,
      [`/ideas/${other.id}`]: 404,
    };
    for (const [path, status] of Object.entries(paths)) {
      // The request of the browser, with its cookie.
      const answer = await context.request.get(hosted.url + path);
      expect([path, answer.status()]).toEqual([path, status]);
      expect(await answer.text()).not.toMatch(/secret\./i);
    }
    await page.goto(`${hosted.url}/jobs`);
    expect(await page.getByText('Count in secret.').count()).toBe(0);
  });

  it('approves the sign-in of a terminal, which then works', async () => {
    const ask = (path: string, body: object) =>
      fetch(`${hosted.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }).then((answer) => answer.json() as Promise<Record<string, string>>);
    const { deviceCode, userCode = '' } = await ask('/api/auth/device/code', { deviceName: 'studio-mini' });
    // The terminal and the browser are in the same network, so the inbox offers to type the code.
    await page.goto(`${hosted.url}/inbox`);
    await write(page.getByLabel('Code of the terminal'), userCode.toLowerCase());
    await use(page.getByRole('button', { name: 'Continue' }));
    await page.getByRole('heading', { name: 'Sign in studio-mini?' }).waitFor(PATIENCE);
    await use(page.getByRole('button', { name: 'Approve' }));
    await page.getByText(/studio-mini is signed in as/).waitFor(PATIENCE);
    const { token } = await ask('/api/auth/device/token', { deviceCode });
    expect(token).toMatch(/^dvt_/);
    await page.goto(`${hosted.url}/settings`);
    await page.locator('[data-row]', { hasText: 'studio-mini' }).waitFor(PATIENCE);
  });

  it('revokes the terminal, which is then signed out', async () => {
    await page.goto(`${hosted.url}/settings`);
    // The terminal that was approved on the page stays.
    const terminals = page.locator('[data-row]', { hasText: 'Terminal' });
    const row = terminals.filter({ hasNotText: 'studio-mini' }).first();
    await use(row.getByRole('button', { name: 'Revoke' }));
    await until(async () => {
      const failed = await orpJson(workspace.orp, ['whoami']).then(
        () => false,
        () => true,
      );
      return failed;
    });
  });
});

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}

/** Runs in the browser, whose types the tests do not have. */
function hasFocus(element: unknown): boolean {
  return (
    element === (globalThis as unknown as { document: { activeElement: unknown } }).document.activeElement
  );
}
