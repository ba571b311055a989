/** The charts of the console: pictures, sentences and a table that say the same, small whatever the data. */

import { env } from 'cloudflare:workers';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Stats } from '../../../spec/overview/stats.ts';
import { histogramOf } from '../../../spec/overview/stats.ts';
import { SLOTS } from '../../../workers/store/stats.ts';
import { aBrowser, type Browser } from '../harness/browser.ts';
import { currentTime, MINUTE } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import { aPerson } from '../harness/people.ts';

const CHARTS = '/dashboard/admin/charts';

let browser: Browser;
beforeAll(async () => {
  browser = await aBrowser(await aPerson({ role: 'operator' }));
});

beforeEach(async () => {
  await env.DB.prepare('DELETE FROM minute_stats').run();
});

const QUIET: Stats = {
  queued: 0,
  active: 0,
  lost: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
  wake: {},
  run: {},
};

/** The minute that began so many minutes ago, counted from the last full one. */
async function note(minutesAgo: number, stats: Partial<Stats>): Promise<void> {
  const minute = Math.floor(currentTime() / MINUTE) - 1 - minutesAgo;
  const text = JSON.stringify({ ...QUIET, ...stats });
  await env.DB.prepare(
    'INSERT OR REPLACE INTO minute_stats (slot, at, minute, quarter, hour) VALUES (?1, ?2, ?3, ?3, ?3)',
  )
    .bind(minute % SLOTS, minute * MINUTE, text)
    .run();
}

const pathsOf = (html: string, look: string) =>
  [...html.matchAll(new RegExp(`<path class="${look}" d="([^"]*)"`, 'g'))].map(([, path]) => path ?? '');

describe('the charts', () => {
  it('say that there is no data yet', async () => {
    const { html, text } = await browser.get(CHARTS);
    expect(text).toContain('No data yet');
    expect(html).not.toContain('<svg viewBox="0 0 1000');
  });

  it('show a minute as a picture, a sentence and a row of a table', async () => {
    await note(1, { queued: 2 });
    await note(0, { queued: 8, active: 3, lost: 1, completed: 4, failed: 2, wake: histogramOf([900]) });
    const { html, text } = await browser.get(CHARTS);
    const sentence = 'Now 8 queued, 3 running, 1 lost. Longest queue: 8.';
    expect(html).toContain(`role="img" aria-label="Queue depth. ${sentence}"`);
    expect(text).toContain('4 jobs completed, 2 failed and 0 cancelled.');
    expect(text).toContain('Now the median is 860 ms');
    expect(text).toContain('No agent ended in this time.');
    // The lines reach the top of 8; of the 6 outcomes, the 2 failed ones stand on the 4 completed ones.
    expect(pathsOf(html, 'line in-accent')[0]).toMatch(/^M967 180L983 0$/);
    expect(pathsOf(html, 'bar in-bad')[0]).toMatch(/^M983 80V0h\d+V80z$/);
    expect(text).toMatch(/The numbers as a table .* 8 3 1 4 2 0 860 ms 860 ms – –/);
    expect(html).toMatch(/<details[^>]*>\s*<summary>The numbers as a table/);
  });

  it('leave a gap where a minute is missing, and show a lone minute', async () => {
    for (const minute of [5, 4, 1]) await note(minute, { queued: 1 });
    const [line] = pathsOf((await browser.get(CHARTS)).html, 'line in-accent');
    expect(line).toMatch(/^M\d+ \d+L\d+ \d+M\d+ \d+h1$/);
  });

  it.each(['hour', 'day', 'week'])('of a full %s are small and read few rows', async (span) => {
    const stats: Partial<Stats> = {
      queued: 12_345,
      active: 999,
      lost: 77,
      completed: 4321,
      failed: 1234,
      cancelled: 567,
      wake: histogramOf([900, 54_000]),
      run: histogramOf([70_000, 7_200_000]),
    };
    const step = { hour: 1, day: 15, week: 60 }[span] ?? 1;
    const last = Math.floor(currentTime() / MINUTE) - 1;
    const offset = (last + 1) % step;
    for (let at = 0; at < 168; at += 1)
      await note(offset + at * step, { ...stats, queued: 12_345 - at * 61 });
    const { html: login } = await browser.get('/login');
    let shared = 0;
    for (const [, path = ''] of login.matchAll(/"(\/assets\/[^"]+)"/g))
      shared += (await browser.get(path)).html.length;
    const { value, read, trips } = await billOf(() => browser.get(`${CHARTS}?span=${span}`));
    expect(pathsOf(value.html, 'line in-accent')[0]?.match(/[ML]/g)?.length).toBe(
      { hour: 60, day: 96, week: 168 }[span],
    );
    expect(new TextEncoder().encode(value.html).length + shared).toBeLessThan(60_000);
    expect(value.html).not.toMatch(/<style|\sstyle=|NaN|Infinity|undefined/);
    expect(trips).toBeLessThanOrEqual(2);
    expect(read).toBeLessThan(700);
    expect(value.html.match(/<th scope="row">/g)?.length).toBeLessThanOrEqual(32);
  });

  it('refuse an unknown span, and are for operators', async () => {
    const wrong = await browser.get(`${CHARTS}?span=%3Cscript%3E`);
    expect([wrong.status, wrong.text]).toEqual([400, expect.stringContaining('span:')]);
    expect(wrong.html).not.toContain('<script>');
    expect((await (await aBrowser(await aPerson())).get(CHARTS)).status).toBe(403);
  });
});
