/** What every page does alike: headers, the origin of forms, errors, bounds. */

import { exports } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { aBrowser, Browser, fetchAsPlatform } from '../harness/browser.ts';
import { takeLog } from '../harness/clock.ts';
import { billOf, withFault } from '../harness/d1-meter.ts';
import { aMachine, aPrompt, claimAndStart, complete, log } from '../harness/machines.ts';
import { aPerson } from '../harness/people.ts';

const CSP =
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const PAGES = ['/inbox', '/jobs', '/send', '/ideas', '/settings'];

describe('a page', () => {
  it('allows nothing inline and nothing from elsewhere', async () => {
    const browser = await aBrowser(await aPerson());
    for (const path of [...PAGES, '/nothing']) {
      const { headers, html } = await browser.get(path);
      expect(headers.get('content-security-policy'), path).toBe(CSP);
      expect(headers.get('referrer-policy'), path).toBe('same-origin');
      expect(headers.get('cache-control'), path).toBe('no-store');
      expect(html, path).not.toMatch(/<style|\sstyle=|\son\w+=|<script>/);
    }
  });

  it('names files that a browser keeps for ever', async () => {
    const browser = new Browser();
    const { html } = await browser.get('/login');
    const paths = [...html.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, path]) => path ?? '');
    expect(new Set(paths.map((path) => path.split('/').at(-1)))).toEqual(
      new Set(['app.css', 'live.js', 'icon.svg', 'icon-180.png', 'orp.webmanifest']),
    );
    for (const path of paths) {
      const { status, headers, html: text } = await browser.get(path);
      expect([status, headers.get('cache-control')], path).toEqual([
        200,
        'public, max-age=31536000, immutable',
      ]);
      expect(headers.get('content-type'), path).toMatch(
        /^(text\/(css|javascript)|image\/(svg|png)|application\/manifest)/,
      );
      expect(text.length).toBeGreaterThan(100);
    }
  });

  it('of an older deploy loads the present files, for a minute', async () => {
    const browser = new Browser();
    const older = await browser.get('/assets/00000000/app.css');
    expect([older.status, older.headers.get('cache-control')]).toEqual([302, 'public, max-age=60']);
    expect((await browser.get(older.location ?? '')).headers.get('content-type')).toMatch(/^text\/css/);
    expect((await browser.get('/assets/00000000/other.css')).status).toBe(404);
    // The Worker alone lacks the file, and a redirect would lead to it again.
    const alone = await exports.default.fetch(`https://orp.test${older.location}`, { redirect: 'manual' });
    expect(alone.status).toBe(404);
    expect((await browser.get('/assets/00000000/_headers')).status).toBe(404);
  });

  it('and the files that it loads have the same security headers', async () => {
    const browser = new Browser();
    const { html, headers } = await browser.get('/login');
    const own = [
      'cache-control',
      'content-type',
      'content-encoding',
      'content-length',
      'vary',
      'x-request-id',
      'set-cookie',
    ];
    const secure = [...headers].filter(([name]) => !own.includes(name));
    expect(secure.map(([name]) => name)).toContain('content-security-policy');
    for (const [, path = ''] of html.matchAll(/"(\/assets\/[^"]+)"/g)) {
      const file = await browser.get(path);
      for (const [name, value] of secure) expect(file.headers.get(name), `${path} ${name}`).toBe(value);
    }
  });

  it('can be installed: the manifest names icons of every size that a home screen needs', async () => {
    const browser = new Browser();
    const path = /"(\/assets\/[^"]+webmanifest)"/.exec((await browser.get('/login')).html)?.[1] ?? '';
    const { icons } = JSON.parse((await browser.get(path)).html) as {
      icons: { src: string; sizes: string; purpose?: string }[];
    };
    expect(icons.map(({ sizes, purpose = 'any' }) => `${sizes} ${purpose}`)).toEqual([
      '192x192 any',
      '512x512 any',
      '512x512 maskable',
      'any any',
    ]);
    for (const { src, sizes } of [...icons, { src: 'icon-180.png', sizes: '180x180' }]) {
      const response = await fetchAsPlatform(new URL(src, `https://orp.test${path}`).pathname);
      expect(response.status, src).toBe(200);
      if (!src.endsWith('.png')) continue;
      // The width and the height stand at a fixed place of a PNG file.
      const file = new DataView(await response.arrayBuffer());
      expect(`${file.getUint32(16)}x${file.getUint32(20)}`, src).toBe(sizes);
    }
  });

  it('is at most 60 kB, with what it loads, asks D1 a few times, and writes nothing', async () => {
    const machine = await aMachine();
    for (let at = 0; at < 30; at += 1)
      await aPrompt(machine, { prompt: `Prompt ${at} ${'with words '.repeat(40)}` });
    const held = await claimAndStart(machine);
    await log(held, 1);
    const browser = await aBrowser(machine.owner);
    await browser.get('/inbox');
    const { html } = await browser.get('/login');
    let shared = 0;
    for (const [, path = ''] of html.matchAll(/"(\/assets\/[^"]+)"/g))
      shared += (await browser.get(path)).html.length;
    for (const path of [
      ...PAGES,
      `/jobs/${held.jobId}`,
      `/ideas/${machine.ideaId}`,
      `/sessions/codex-${machine.machineId}`,
    ]) {
      const { value, ...bill } = await billOf(() => browser.get(path));
      expect(value.status, path).toBe(200);
      expect(value.html.length + shared, path).toBeLessThan(60_000);
      expect(bill.written, path).toBe(0);
      expect(bill.trips, path).toBeLessThanOrEqual(6);
      expect(bill.read, path).toBeLessThan(200);
    }
  });
});

describe('a form', () => {
  it.each([
    [{ 'Sec-Fetch-Site': 'cross-site' }, 403],
    [{ 'Sec-Fetch-Site': 'same-site' }, 403],
    [{ 'Sec-Fetch-Site': 'none' }, 403],
    [{ 'Sec-Fetch-Site': 'cross-site', Origin: 'https://orp.test' }, 403],
    [{ Origin: 'https://evil.test' }, 403],
    [{ Origin: 'null' }, 403],
    [{}, 403],
    [{ Origin: 'https://orp.test' }, 303],
    [{ 'Sec-Fetch-Site': 'same-origin' }, 303],
  ])('with %j is answered with %i', async (headers, status) => {
    const browser = await aBrowser(await aPerson());
    expect((await browser.post('/logout', {}, headers as Record<string, string>)).status).toBe(status);
    expect((await browser.get('/inbox')).status).toBe(status === 403 ? 200 : 303);
  });

  it('that is not a form of a browser, or too large, is refused', async () => {
    const browser = await aBrowser(await aPerson());
    const json = { 'Sec-Fetch-Site': 'same-origin', 'Content-Type': 'application/json' };
    expect((await browser.post('/settings/password', {}, json)).status).toBe(400);
    const large = await browser.post('/settings/password', { next: 'x'.repeat(70_000) });
    expect(large.status).toBe(413);
    expect(large.text).toContain('The form may have at most 65536 bytes.');
  });
});

describe('an error', () => {
  it('is a page: unknown paths, odd ids, ids of others', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    const browser = await aBrowser(await aPerson());
    const others = [
      `/jobs/${jobId}`,
      `/ideas/${machine.ideaId}`,
      '/ideas/ide_none',
      '/ideas/ide_none/reviews/chk_none',
    ];
    for (const path of ['/nothing', '/jobs/..%2f', '/jobs/job_none', ...others]) {
      const shown = await browser.get(path);
      expect([shown.status, shown.headers.get('content-type')], path).toEqual([
        404,
        'text/html; charset=UTF-8',
      ]);
    }
    expect((await browser.post(`/jobs/${jobId}/cancel`)).status).toBe(404);
    expect((await browser.get(`/jobs/${jobId}/transcript.txt`)).status).toBe(404);
    expect((await browser.get(`/jobs/${jobId}/live`)).status).toBe(404);
  });

  it('of the server shows the request id and nothing of the cause', async () => {
    const browser = await aBrowser(await aPerson());
    await browser.get('/inbox');
    takeLog();
    const fault = {
      before: () => {
        throw new Error('SQLITE says too much');
      },
    };
    const shown = await withFault(fault, () => browser.get('/jobs'));
    expect(shown.status).toBe(500);
    expect(shown.text).not.toContain('SQLITE');
    const requestId = shown.headers.get('x-request-id') ?? 'none';
    expect(shown.text).toContain(requestId);
    expect(takeLog()).toContainEqual(expect.objectContaining({ event: 'internal_error', requestId }));
  });

  it('under /api stays JSON', async () => {
    const shown = await new Browser().get('/api/nothing');
    expect(JSON.parse(shown.html)).toMatchObject({ code: 'route_not_found' });
  });
});

describe('a client that reads compressed pages', () => {
  it('gets them compressed; a stream never is', async () => {
    const held = await claimAndStart(await prompted());
    const browser = await aBrowser(held.machine.owner);
    const gzip = { 'Accept-Encoding': 'gzip' };
    const encoding = async (path: string, headers = {}) =>
      (await browser.get(path, headers)).headers.get('content-encoding');
    expect(await encoding('/jobs', gzip)).toBe('gzip');
    expect(await encoding('/jobs')).toBeNull();
    await complete(held);
    expect(await encoding(`/jobs/${held.jobId}/live`, gzip)).toBeNull();
  });
});

async function prompted() {
  const machine = await aMachine();
  await aPrompt(machine);
  return machine;
}
