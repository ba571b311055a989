/**
 * `npm run screenshots`: saves every page × {desktop, phone} × {light, dark} × {empty, full} as PNG files.
 *
 *   npm run screenshots                         all of them, into .screenshots/
 *   npm run screenshots -- --only job --out /tmp/shots
 *   npm run screenshots -- --readme             the two of the README, into docs/images/
 */

import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { projectPath } from '../../scripts/local/project-path.ts';
import { DESKTOP, openWindow, PHONE, startBrowser, whyNoBrowser } from '../support/browser.ts';
import { startHosted, type TestUser } from '../support/hosted.ts';
import { Api, type FullAccount, fillAccount } from './full-account.ts';
import { chartRows, INSERT_CHART_ROWS } from './full-charts.ts';
import { pageList, type ShownPage } from './page-list.ts';
import { signIn } from './sign-in.ts';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: '.screenshots' },
    only: { type: 'string', default: '' },
    readme: { type: 'boolean', default: false },
  },
});
const out = resolve(values.out);

const missing = whyNoBrowser();
if (missing !== undefined) {
  console.error(missing);
  process.exit(1);
}

mkdirSync(out, { recursive: true });
const hosted = await startHosted();
const browser = await startBrowser();
try {
  const operator = await hosted.createUser('operator');
  const api = new Api(hosted.url, await hosted.signIn(operator));
  const account = await fillAccount(api, (jobId) =>
    hosted.database.prepare("UPDATE jobs SET status = 'lost' WHERE id = ?").bind(jobId).run(),
  );
  await hosted.database
    .prepare(INSERT_CHART_ROWS)
    .bind(JSON.stringify(chartRows(Date.now())))
    .run();
  const newcomer = await hosted.createUser();
  for (const [{ id }, name] of [
    [operator, 'Mira'],
    [newcomer, 'Noor'],
  ] as const) {
    await hosted.database.prepare('UPDATE users SET name = ? WHERE id = ?').bind(name, id).run();
  }
  if (values.readme) await shootForReadme(operator, account);
  const fillings = values.readme
    ? []
    : [
        { filling: 'full', person: operator, pages: pageList(account) },
        { filling: 'empty', person: newcomer, pages: pageList(undefined) },
      ];
  for (const { filling, person, pages } of fillings) {
    // The terminal waits in the network of everybody, and an empty inbox is empty.
    if (filling === 'empty') await hosted.database.prepare('DELETE FROM device_requests').run();
    const wanted = pages.filter(({ name }) => name.includes(values.only));
    for (const [device, size] of [
      ['desktop', DESKTOP],
      ['phone', PHONE],
    ] as const) {
      for (const scheme of ['light', 'dark'] as const) {
        await shoot(wanted, { person, size, scheme, suffix: `${filling}-${device}-${scheme}` });
      }
    }
  }
} finally {
  await browser.close();
  await hosted.close();
}
console.log(values.readme ? 'docs/images' : out);

/** What fits into one window: the inbox on a desktop, a session on a phone. */
async function shootForReadme(person: TestUser, account: FullAccount): Promise<void> {
  const folder = projectPath('docs/images');
  mkdirSync(folder, { recursive: true });
  for (const [name, path, look] of [
    ['inbox', '/inbox', { size: { width: 1100, height: 700 }, scheme: 'light' }],
    ['session', `/sessions/${account.sessionId}`, { size: PHONE, scheme: 'dark' }],
  ] as const) {
    const { context, page } = await openWindow(browser, look);
    await signIn(page, hosted.url, person);
    await page.goto(hosted.url + path);
    await page.waitForTimeout(150);
    await page.screenshot({ path: join(folder, `${name}.png`) });
    await context.close();
  }
}

async function shoot(
  pages: readonly ShownPage[],
  look: {
    person: { email: string; password: string };
    size: { width: number; height: number };
    scheme: 'light' | 'dark';
    suffix: string;
  },
): Promise<void> {
  const { context, page } = await openWindow(browser, look);
  for (const shown of pages.filter(({ isSignedOut }) => isSignedOut)) {
    await page.goto(hosted.url + shown.path);
    await page.screenshot({ path: join(out, `${shown.name}-${look.suffix}.png`), fullPage: true });
  }
  await signIn(page, hosted.url, look.person);
  for (const shown of pages.filter(({ isSignedOut }) => !isSignedOut)) {
    await page.goto(hosted.url + shown.path, { waitUntil: 'load' });
    // Make the window as high as the page, so that bars at its edges stay there.
    const height = await page.evaluate<number>('document.documentElement.scrollHeight');
    await page.setViewportSize({ width: look.size.width, height: Math.max(height, look.size.height) });
    await page.waitForTimeout(150);
    await page.screenshot({ path: join(out, `${shown.name}-${look.suffix}.png`) });
    await page.setViewportSize(look.size);
  }
  await context.close();
}
