/** What monitoring systems read: the health of the server without a token, its metrics with one, both in bounded rows. */

import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serverHealth } from '../../../spec/overview/monitoring.ts';
import { cumulative, histogramOf } from '../../../spec/overview/stats.ts';
import { expose } from '../../../workers/operations/exposition.ts';
import { expectRefusal, sendRaw } from '../harness/call.ts';
import { advance, currentTime, HOUR, MINUTE, SECOND } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import { aMachine, aPrompt, claimAndStart, complete } from '../harness/machines.ts';
import { fireCron } from '../harness/objects.ts';
import { whileSilent } from '../harness/silence.ts';

const TOKEN = 'a-long-secret-of-the-monitoring-system';

const health = async () => {
  const answer = await sendRaw({ method: 'GET', path: '/health' });
  return { status: answer.status, health: serverHealth.parse(JSON.parse(answer.text)) };
};

const scrape = (token: string | undefined = TOKEN) =>
  sendRaw({ method: 'GET', path: '/metrics', ...(token === undefined ? {} : { token }) });

/** The value of one series, as `name{labels}` names it. */
function seriesIn(text: string, series: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

beforeEach(() => {
  env.METRICS_TOKEN = TOKEN;
  // An answer is repeated for some seconds.
  advance(MINUTE - (currentTime() % MINUTE));
});

afterEach(() => {
  delete env.METRICS_TOKEN;
});

describe('GET /health', () => {
  it('says without a token that the database answers and in which minute cron ran', async () => {
    await fireCron();
    const ranAt = new Date(currentTime()).toISOString();
    advance(30 * SECOND);
    const { status, health: found } = await health();
    expect(status).toBe(200);
    expect(found).toMatchObject({
      ok: true,
      version: 'unknown',
      database: { ok: true },
      cron: { ok: true, lastRunAt: ranAt },
    });
  });

  it('is not ok when cron is late, and does not know a run of more than an hour ago', async () => {
    await fireCron();
    advance(6 * MINUTE);
    expect((await health()).health).toMatchObject({ ok: false, database: { ok: true }, cron: { ok: false } });
    advance(2 * HOUR);
    const { status, health: found } = await health();
    expect([status, found.cron]).toEqual([200, { ok: false }]);
  });

  it('answers 503 within two seconds while D1 is silent', async () => {
    await whileSilent(async ({ answer }) => {
      const { value, waitedMs } = await answer(sendRaw({ method: 'GET', path: '/health' }));
      expect(value.status).toBe(503);
      expect(serverHealth.parse(JSON.parse(value.text))).toMatchObject({
        ok: false,
        database: { ok: false },
      });
      expect(waitedMs).toBeLessThan(2000);
    });
  });

  it('asks the database once for many requests, and reads at most the rows of an hour', async () => {
    const bill = await billOf(async () => {
      for (let count = 0; count < 20; count += 1) await health();
    });
    expect(bill.trips).toBe(1);
    expect(bill.read).toBeLessThanOrEqual(130);
    expect(bill.written).toBe(0);
  });
});

describe('GET /metrics', () => {
  it('is refused without the token, with a wrong one, and with the token of a person', async () => {
    const { owner } = await aMachine();
    for (const token of [undefined, `${TOKEN}x`, TOKEN.slice(1), '', owner.token]) {
      const answer = await sendRaw({
        method: 'GET',
        path: '/metrics',
        ...(token === undefined ? {} : { token }),
      });
      expectRefusal(answer, 'unauthenticated');
      expect(answer.headers.get('WWW-Authenticate')).toBe('Bearer');
    }
  });

  it('does not exist while the secret is missing or could be guessed', async () => {
    for (const secret of [undefined, '', 'short']) {
      if (secret === undefined) delete env.METRICS_TOKEN;
      else env.METRICS_TOKEN = secret;
      const refusal = expectRefusal(await scrape(secret ?? ''), 'not_found');
      expect(refusal.hint).toContain('wrangler secret put METRICS_TOKEN');
    }
  });

  it('shows live jobs, leases, waits, outcomes, machines and alerts', async () => {
    const before = (await scrape()).text;
    const of = (text: string, series: string) => seriesIn(text, series) ?? 0;
    const machine = await aMachine();
    await aPrompt(machine);
    advance(8 * SECOND);
    await complete(await claimAndStart(machine));
    await aPrompt(machine);
    await claimAndStart(machine);
    await aPrompt(machine);
    advance(MINUTE);
    await fireCron();
    advance(MINUTE);
    const answer = await scrape();
    expect(answer.headers.get('Content-Type')).toBe(
      'application/openmetrics-text; version=1.0.0; charset=utf-8',
    );
    const grown = (series: string) => of(answer.text, series) - of(before, series);
    expect(grown('orp_jobs{status="queued"}')).toBe(1);
    expect(grown('orp_jobs{status="running"}')).toBe(1);
    expect(grown('orp_leases{state="held"}')).toBe(1);
    expect(of(answer.text, 'orp_jobs_ended_recently{outcome="completed"}')).toBeGreaterThanOrEqual(1);
    expect(of(answer.text, 'orp_queue_wait_seconds_gcount')).toBeGreaterThanOrEqual(2);
    expect(grown('orp_machine_last_contact_age_seconds_gcount')).toBeGreaterThanOrEqual(1);
    expect(of(answer.text, 'orp_cron_last_run_timestamp_seconds')).toBe(
      Math.floor(currentTime() / MINUTE) * 60 - 60,
    );
    expect(seriesIn(answer.text, 'orp_alerts{kind="lost_job"}')).toBeDefined();
  });

  it('reads bounded rows and names a bounded number of versions', async () => {
    const machines = Array.from({ length: 40 }, (_, at) =>
      env.DB.prepare(
        `INSERT INTO machines (id, user_id, name, platform, app_version, first_seen_at, last_seen_at)
         SELECT 'metrics-${at}', id, 'm', 'linux', ?, ?, ? FROM users LIMIT 1`,
      ).bind(`9.${at}.0-"\\\n${'x'.repeat(300)}`, currentTime(), currentTime()),
    );
    await aMachine();
    await env.DB.batch(machines);
    const bill = await billOf(scrape);
    expect(bill.trips).toBeLessThanOrEqual(4);
    expect(bill.written).toBe(0);
    const { text } = await scrape();
    const lines = text.split('\n').filter((line) => line.startsWith('orp_machines{'));
    expect(lines).toHaveLength(21);
    for (const line of lines) expect(line).toMatch(/^orp_machines\{version="(?:[^"\\\n]|\\[\\n"])*"\} \d+$/);
    expect(text.length).toBeLessThan(20_000);
  });

  it('writes every line in the form of OpenMetrics', async () => {
    const { text } = await scrape();
    expect(text.endsWith('\n# EOF\n')).toBe(true);
    const lines = text.split('\n').slice(0, -2);
    const types = new Map<string, string>();
    for (const line of lines) {
      const type = /^# TYPE (orp_[a-z_]+) (gauge|info|gaugehistogram)$/.exec(line);
      if (type) types.set(type[1] ?? '', type[2] ?? '');
      else if (line.startsWith('#')) expect(line).toMatch(/^# (HELP|UNIT) orp_[a-z_]+ \S/);
      else {
        const name = /^(orp_[a-z_]+?)(?:_info|_bucket|_gcount|_gsum)?(?:\{[^}]*\})? -?[\d.]+$/.exec(
          line,
        )?.[1];
        expect(name !== undefined && types.has(name), line).toBe(true);
      }
    }
  });
});

describe('a histogram', () => {
  it('counts each duration in every bound above it', () => {
    const { buckets, count, sumMs } = cumulative(histogramOf([10, 100, 1000, 90_000_000]));
    const below = (ms: number) => buckets.find(({ belowMs }) => belowMs >= ms)?.count;
    expect([below(50), below(200), below(2000), buckets.at(-1)?.count, count]).toEqual([1, 2, 3, 3, 4]);
    expect(Math.abs(sumMs / 90_001_110 - 1)).toBeLessThan(0.2);
  });

  it('ends with the bound of infinity, the count and the sum', () => {
    const histogram = { buckets: [{ le: 1, count: 2 }], count: 3, sum: 4.5 };
    expect(expose([{ name: 'orp_x_seconds', type: 'gaugehistogram', help: 'A "b"\\.', histogram }])).toBe(
      `# TYPE orp_x_seconds gaugehistogram\n# HELP orp_x_seconds A \\"b\\"\\\\.\norp_x_seconds_bucket{le="1.0"} 2\norp_x_seconds_bucket{le="+Inf"} 3\norp_x_seconds_gcount 3\norp_x_seconds_gsum 4.5\n# EOF\n`,
    );
  });
});
