/** A real Chromium for the tests of the pages, driven by Playwright. */

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** Returns the browser from `CHROMIUM_BIN`, or else the system's browser, or undefined. */
export function findChromium(): string | undefined {
  const asked = process.env.CHROMIUM_BIN;
  return asked || PLACES.find((path) => existsSync(path));
}

/**
 * Returns why the tests of the pages are skipped, or undefined if there is a browser. Throws in CI, which installs a browser.
 */
export function whyNoBrowser(): string | undefined {
  if (findChromium() !== undefined) return undefined;
  const sentence =
    'No Chromium was found: the pages are not tested in a browser. Set CHROMIUM_BIN, or install chromium.';
  if (process.env.ORP_REQUIRE_BROWSER) throw new Error(sentence);
  return sentence;
}

export function startBrowser(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error('No Chromium was found.');
  // CI runs as root, and Chromium has no sandbox for root. The tests open only our own pages.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
}

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 360, height: 740 };

export interface Look {
  size: { width: number; height: number };
  scheme?: 'light' | 'dark';
  hasScript?: boolean;
}

/** The errors of a page: messages on its console, and reports of the content security policy. */
export interface Complaints {
  list: string[];
}

/** Opens a browser window with its own profile. */
export async function openWindow(
  browser: Browser,
  { size, scheme = 'light', hasScript = true }: Look,
): Promise<{ context: BrowserContext; page: Page; complaints: Complaints }> {
  const context = await browser.newContext({
    viewport: size,
    colorScheme: scheme,
    javaScriptEnabled: hasScript,
    isMobile: size.width < 600,
    hasTouch: size.width < 600,
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  const complaints: Complaints = { list: [] };
  page.on('pageerror', (error) => complaints.list.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.text().includes('Content Security Policy'))
      complaints.list.push(`${message.text()} (${message.location().url})`);
  });
  return { context, page, complaints };
}

/** Longer than any window needs. */
const CLOSING_MS = 15_000;

/** Closes a window. On a busy machine Chromium may never confirm that; the window then ends with the browser. */
export async function closeWindow(context: BrowserContext): Promise<void> {
  const given = Promise.withResolvers<void>();
  const timer = setTimeout(given.resolve, CLOSING_MS);
  await Promise.race([context.close(), given.promise]);
  clearTimeout(timer);
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Returns the serious and critical findings of axe, one line each. */
export async function findBarriers(page: Page): Promise<string[]> {
  // The debugger evaluates the script, so the content security policy of the page need not change.
  await page.evaluate(axeSource);
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: {
        run(): Promise<{
          violations: { id: string; impact: string; help: string; nodes: { html: string }[] }[];
        }>;
      };
    };
    return (await axe.run()).violations;
  });
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) =>
      `${id}: ${help}: ${nodes.map(({ html }) => html).join(' | ')}`.slice(0, 600),
    );
}
