/** Charts: one row a minute for the whole service, right numbers in it, and few rows to read a week. */

import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { listMachines, showCharts } from '../../../spec/contract/admin.ts';
import { cancelJob } from '../../../spec/contract/jobs.ts';
import { histogramOf, percentile } from '../../../spec/overview/stats.ts';
import { recordMinute } from '../../../workers/overview/charts.ts';
import { RECENT_LIMIT } from '../../../workers/store/stats.ts';
import { accepts, send } from '../harness/call.ts';
import { advance, currentTime, DAY, HOUR, MINUTE, SECOND } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import { aMachine, aPrompt, claim, claimAndStart, complete, start } from '../harness/machines.ts';
import { fireCron } from '../harness/objects.ts';
import { aPerson, type Person } from '../harness/people.ts';
import { deps } from '../harness/services.ts';

/** The minute that ends an hour reads the others of the hour and of the quarter. */
const HOUR_ENDS = 400;

let operator: Person;
beforeAll(async () => {
  operator = await aPerson({ role: 'operator' });
});

const charts = (span: 'hour' | 'day' | 'week' = 'hour') =>
  accepts(showCharts, { as: operator, query: { span } });

/** Moves on to the beginning of the next minute, or of the next longer time. */
function toNext(ms: number): void {
  advance(ms - (currentTime() % ms));
}

const rowsOfStats = () => env.DB.prepare('SELECT count(*) AS count FROM minute_stats').first<number>('count');

describe('a duration', () => {
  it('is found in a histogram to 20 percent', () => {
    const durations = [5, 40, 900, 1000, 1100, 30_000, 60_000, 3_600_000];
    for (const ms of durations) {
      const found = percentile(histogramOf([ms]), 0.5) ?? 0;
      expect(Math.abs(found - ms) / (ms + 1), String(ms)).toBeLessThan(0.2);
    }
    expect(percentile(histogramOf([]), 0.5)).toBeUndefined();
    const many = histogramOf([
      ...Array.from({ length: 94 }, () => 1000),
      ...Array.from({ length: 6 }, () => 60_000),
    ]);
    expect(percentile(many, 0.5)).toBeLessThan(1300);
    expect(percentile(many, 0.95)).toBeGreaterThan(48_000);
  });
});

describe('the row of a minute', () => {
  it('has the queue, the wake latency, the run time and the outcomes of that minute', async () => {
    toNext(MINUTE);
    await fireCron();
    const before = (await charts()).points.at(-1);
    const [machine, other] = [await aMachine(), await aMachine()];
    await aPrompt(machine);
    advance(8 * SECOND);
    const held = await claim(machine);
    await start(held);
    advance(20 * SECOND);
    await complete(held);
    await aPrompt(machine);
    await complete(await claimAndStart(machine), { success: false, error: 'No.' });
    const cancelled = await aPrompt(machine);
    await accepts(cancelJob, { as: machine.owner, params: { jobId: cancelled }, body: {} });
    await aPrompt(other);
    await claimAndStart(other);
    await aPrompt(other);
    const at = currentTime() - (currentTime() % MINUTE);
    toNext(MINUTE);
    await fireCron();
    const point = (await charts()).points.at(-1);
    expect(point).toMatchObject({
      at: new Date(at).toISOString(),
      queued: (before?.queued ?? 0) + 1,
      active: (before?.active ?? 0) + 1,
      completed: 1,
      failed: 1,
      cancelled: 1,
    });
    expect(point?.wakeP95Ms).toBeGreaterThan(6400);
    expect(point?.wakeP95Ms).toBeLessThan(9600);
    expect(point?.runP95Ms).toBeGreaterThan(16_000);
    expect(point?.runP95Ms).toBeLessThan(24_000);

    toNext(MINUTE);
    await fireCron();
    const next = (await charts()).points.at(-1);
    expect(next).toMatchObject({ completed: 0, failed: 0, cancelled: 0 });
    expect(next?.wakeP50Ms).toBeUndefined();
    expect((await accepts(listMachines, { as: operator, query: {} })).endedLastHour).toMatchObject({
      completed: 1,
      failed: 1,
      cancelled: 1,
    });
  });

  it('counts a job that took hours in the minute in which it ended, once', async () => {
    const machine = await aMachine();
    await aPrompt(machine, { onLeaseLoss: 'hold' });
    const held = await claimAndStart(machine);
    advance(3 * HOUR);
    toNext(MINUTE);
    advance(SECOND);
    await complete(held);
    toNext(MINUTE);
    await fireCron();
    const point = (await charts()).points.at(-1);
    expect(point?.completed).toBe(1);
    expect(point?.runP50Ms).toBeGreaterThan(2.4 * HOUR);
  });

  it('counts a job that waited for hours in the minute in which it was claimed', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    advance(3 * HOUR);
    toNext(MINUTE);
    await claimAndStart(machine);
    toNext(MINUTE);
    await fireCron();
    expect((await charts()).points.at(-1)?.wakeP50Ms).toBeGreaterThan(2.4 * HOUR);
  });

  it('is written once, however often cron runs; a minute that cron missed is written by the next run', async () => {
    toNext(MINUTE);
    await fireCron();
    const before = (await rowsOfStats()) ?? 0;
    expect((await billOf(() => recordMinute(deps()))).written).toBe(0);
    advance(2 * MINUTE);
    expect((await billOf(() => recordMinute(deps()))).written).toBe(2);
    advance(10 * MINUTE);
    expect((await billOf(() => recordMinute(deps()))).written).toBe(2);
    expect(await rowsOfStats()).toBe(before + 4);
  });

  it('reads a bounded number of rows, whatever the history, and samples above the bound', async () => {
    const machine = await aMachine();
    const idle = await billOf(async () => {
      toNext(MINUTE);
      await recordMinute(deps());
    });
    await manyJobs(machine.owner, { count: 5000, at: currentTime() - 30 * DAY });
    toNext(MINUTE);
    const old = await billOf(() => recordMinute(deps()));
    expect(old.read).toBeLessThanOrEqual(idle.read + HOUR_ENDS);
    await manyJobs(machine.owner, { count: 2 * RECENT_LIMIT, at: currentTime() });
    toNext(MINUTE);
    const busy = await billOf(() => recordMinute(deps()));
    expect(busy.read).toBeLessThanOrEqual(idle.read + HOUR_ENDS + 3 * RECENT_LIMIT);
    const point = (await charts()).points.at(-1);
    expect(point).toMatchObject({ sampled: true });
    expect(point?.completed).toBeLessThanOrEqual(RECENT_LIMIT);
  });
});

describe('a chart', () => {
  it('of an hour, a day and a week has at most 168 points, and reads as many rows', async () => {
    toNext(HOUR);
    const first = currentTime();
    await pastMinutes(first, 7 * 24 * 60);
    for (const [span, points, seconds] of [
      ['hour', 60, 60],
      ['day', 96, 900],
      ['week', 168, 3600],
    ] as const) {
      const { value, read, written } = await billOf(() => charts(span));
      expect(value).toMatchObject({ span, pointSeconds: seconds });
      expect(value.points).toHaveLength(points);
      expect(value.points.at(-1)?.at).toBe(new Date(first - seconds * 1000).toISOString());
      expect(read).toBeLessThanOrEqual(4 * points + 10);
      expect(written).toBe(0);
    }
  });

  it('of a longer time adds its minutes, and a row of 8 days ago is no part of it', async () => {
    advance(20 * DAY);
    toNext(HOUR);
    expect((await charts('week')).points).toEqual([]);
    const machine = await aMachine();
    for (let minute = 0; minute < 15; minute += 1) {
      await aPrompt(machine);
      await complete(await claimAndStart(machine));
      advance(MINUTE);
      await recordMinute(deps());
    }
    const { points } = await charts('day');
    expect(points.at(-1)).toMatchObject({
      at: new Date(currentTime() - 15 * MINUTE).toISOString(),
      completed: 15,
    });
    // The first run also wrote the minute before it.
    expect(points.slice(0, -1).map(({ completed }) => completed)).toEqual([0]);
  });

  it('is for operators, and of a known span', async () => {
    expect((await send(showCharts, { as: await aPerson(), query: { span: 'day' } })).status).toBe(403);
    expect((await send(showCharts, { as: operator, query: { span: 'year' } as object })).status).toBe(400);
  });
});

async function manyJobs(owner: Person, { count, at }: { count: number; at: number }): Promise<void> {
  const { makeId } = await import('../../../spec/ids.ts');
  const prefix = makeId('job', at, new Uint8Array());
  await env.DB.prepare(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
     INSERT INTO jobs (user_id, id, kind, status, created_at, updated_at, finished_at, available_at, expires_at,
       on_lease_loss, max_attempts, session_fallback, attempt, prompt)
     SELECT ?, ? || printf('%06d', i) || 'x', 'session.prompt', 'completed', ?, ?, ?, ?, ?, 'hold', 3, 'primary', 1, 'Count.'
     FROM n`,
  )
    .bind(count, owner.userId, prefix, at, at, at, at, at)
    .run();
}

/** Rows of the minutes before `end`, as cron writes them. */
async function pastMinutes(end: number, count: number): Promise<void> {
  const stats = JSON.stringify({
    ...{ queued: 1, active: 1, lost: 0, completed: 1, failed: 0, cancelled: 0 },
    ...{ wake: { 20: 1 }, run: { 30: 1 } },
  });
  await env.DB.prepare(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1),
     rows AS (SELECT ?2 / 60000 - i AS number FROM n)
     INSERT OR REPLACE INTO minute_stats (slot, at, minute, quarter, hour)
     SELECT number % 11520, number * 60000, ?3, iif((number + 1) % 15 = 0, ?3, NULL), iif((number + 1) % 60 = 0, ?3, NULL)
     FROM rows`,
  )
    .bind(count, end, stats)
    .run();
}
