/**
 * The charts of the service. Cron writes one row a minute. The last row of each quarter of an hour, and of each hour, also
 * contains the stats of that longer time, so that the chart of a day or a week needs few rows.
 */

import type { showCharts as chartsRow } from '../../spec/contract/admin.ts';
import type { ReplyInput } from '../../spec/contract/endpoint.ts';
import { lowestIdAt } from '../../spec/ids.ts';
import { addStats, type ChartSpan, percentilesOf, type Stats, statsOf } from '../../spec/overview/stats.ts';
import type { Deps } from '../base/deps.ts';
import { countLive } from '../store/admin-reads.ts';
import { rowsOf, type Statement } from '../store/database.ts';
import {
  MINUTE_MS,
  type MinuteJobRow,
  putStatsIfNewer,
  RECENT_LIMIT,
  readMinuteJobs,
  readStats,
} from '../store/stats.ts';

const QUARTER = 15;
const HOUR = 60;
/** A sample of jobs begins at a random account id from the last two years. */
const FIRST_ACCOUNTS_MS = 2 * 365 * 24 * HOUR * MINUTE_MS;

/** Writes the row of the minute that has just ended, and the row of the minute before if no cron run has written it. */
export async function recordMinute(deps: Deps): Promise<void> {
  const last = startOfMinute(deps.now) - MINUTE_MS;
  const known = await readPart(deps, 'minute', [last - MINUTE_MS, last]);
  for (const at of [last - MINUTE_MS, last]) if (!known.some((row) => row.at === at)) await record(deps, at);
}

async function record(deps: Deps, at: number): Promise<void> {
  // The ids of accounts are ordered by time, like the ids of jobs.
  const start = lowestIdAt('user', Math.floor(deps.now - deps.random() * FIRST_ACCOUNTS_MS));
  const [found, live] = await deps.db.batch([
    readMinuteJobs({ from: at, to: at + MINUTE_MS, start }),
    countLive(),
  ]);
  const jobs = rowsOf<MinuteJobRow>(found);
  const depth = { queued: 0, active: 0, lost: 0 };
  for (const { status, count } of rowsOf<{ status: string; count: number }>(live)) {
    if (status === 'queued' || status === 'lost') depth[status] += count;
    else depth.active += count;
  }
  const minute = statsOf(jobs, depth, jobs[0]?.looked === RECENT_LIMIT);
  const [quarter, hour] = [
    await longer(deps, { at, minute }, QUARTER),
    await longer(deps, { at, minute }, HOUR),
  ];
  await putStatsIfNewer(deps.db, { at, minute: JSON.stringify(minute), quarter, hour });
}

/** Returns the stats of the quarter or hour that ends with this minute, or undefined if none ends. */
async function longer(
  deps: Deps,
  { at, minute }: { at: number; minute: Stats },
  minutes: number,
): Promise<string | undefined> {
  if ((at / MINUTE_MS + 1) % minutes !== 0) return undefined;
  const earlier = minutesBefore(at, minutes - 1);
  const parts = (await readPart(deps, 'minute', earlier)).map(({ stats }) => stats);
  return JSON.stringify(addStats([...parts, minute]));
}

/** For each span of a chart: the column that is read, the minutes that one point covers, and the number of points. */
const SPANS: Record<ChartSpan, { column: 'minute' | 'quarter' | 'hour'; minutes: number; points: number }> = {
  hour: { column: 'minute', minutes: 1, points: 60 },
  day: { column: 'quarter', minutes: QUARTER, points: 96 },
  week: { column: 'hour', minutes: HOUR, points: 168 },
};

type Charts = Omit<ReplyInput<typeof chartsRow>, 'ok'>;

/** Returns at most 168 points, oldest first. Each point comes from one row. A time without a row has no point. */
export async function readCharts(deps: Deps, span: ChartSpan): Promise<Charts> {
  const { column, minutes, points } = SPANS[span];
  const stepMs = minutes * MINUTE_MS;
  // The newest point ends with the last full minute, quarter or hour.
  const end = Math.floor(deps.now / stepMs) * stepMs - MINUTE_MS;
  const wanted = Array.from({ length: points }, (_, back) => end - back * stepMs);
  const rows = await readPart(deps, column, wanted);
  return {
    span,
    pointSeconds: stepMs / 1000,
    points: rows.map(({ at, stats }) => viewPoint(at + MINUTE_MS - stepMs, stats)),
  };
}

function viewPoint(at: number, stats: Stats): Charts['points'][number] {
  const { wake, run, isSample, ...counts } = stats;
  const sampled = isSample ? { sampled: true } : {};
  return { at: new Date(at).toISOString(), ...counts, ...percentilesOf(stats), ...sampled };
}

/** Returns the stats of the last full minutes that cron has recorded, oldest first. */
export function readRecent(deps: Deps, minutes: number): Promise<{ at: number; stats: Stats }[]> {
  return readPart(deps, 'minute', minutesBefore(startOfMinute(deps.now), minutes));
}

/** Returns the beginning of the minute in which cron last ran. Undefined if it has not run for an hour. */
export async function lastCronAt(deps: Deps): Promise<number | undefined> {
  const newest = (await readRecent(deps, HOUR)).at(-1);
  // Cron writes the row of a minute in the minute after it.
  return newest && newest.at + MINUTE_MS;
}

/** The statement of `endedLastHour`, for use in a batch. */
export function readLastHour(now: number): Statement {
  const last = startOfMinute(now) - MINUTE_MS;
  return readStats('minute', [last, ...minutesBefore(last, HOUR - 1)]);
}

/** Counts the jobs that ended in the last 60 full minutes, by outcome. */
export function endedLastHour(
  result: { rows: readonly unknown[] } | undefined,
): Pick<Stats, 'completed' | 'failed' | 'cancelled'> {
  const { completed, failed, cancelled } = addStats(
    partsOf(rowsOf<PartRow>(result)).map(({ stats }) => stats),
  );
  return { completed, failed, cancelled };
}

interface PartRow {
  at: number;
  stats: string;
}

function partsOf(rows: readonly PartRow[]): { at: number; stats: Stats }[] {
  return rows.map(({ at, stats }) => ({ at, stats: JSON.parse(stats) as Stats }));
}

async function readPart(
  deps: Deps,
  column: 'minute' | 'quarter' | 'hour',
  minutes: readonly number[],
): Promise<{ at: number; stats: Stats }[]> {
  return partsOf(await deps.db.all<PartRow>(readStats(column, minutes)));
}

function startOfMinute(at: number): number {
  return Math.floor(at / MINUTE_MS) * MINUTE_MS;
}

function minutesBefore(at: number, count: number): number[] {
  return Array.from({ length: count }, (_, back) => at - (back + 1) * MINUTE_MS);
}
