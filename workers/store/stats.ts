/** Reads and writes the rows of the charts, and reads the jobs that a minute's row is computed from. */

import { lowestIdAt } from '../../spec/ids.ts';
import { TRANSITIONS } from '../../spec/job/status.ts';
import type { MinuteJob } from '../../spec/overview/stats.ts';
import { LIVE_COUNTED } from './admin-reads.ts';
import { type Database, join, raw, type Statement, sql } from './database.ts';
import { statusIn } from './guard.ts';
import { LIVE_OF_ALL } from './job-row.ts';

export const MINUTE_MS = 60_000;
/** The number of rows for 8 days. */
export const SLOTS = 8 * 24 * 60;

/** Returns the number of the row for the minute that begins at this time. */
export function slotOf(at: number): number {
  return Math.floor(at / MINUTE_MS) % SLOTS;
}

const HOUR_MS = 60 * MINUTE_MS;
/** The maximum number of jobs of the last hour that are read. If there are more, the read begins at a random account. */
export const RECENT_LIMIT = 2000;
/** The maximum number of jobs that are read because they ended an hour or more after they were queued. */
const SLOW_LIMIT = 500;
/** The exact condition of the index `jobs_slow`. */
const IS_SLOW = 'j.finished_at >= j.created_at + 3600000';

/** The condition that the runner that worked on the job ended it. */
const BY_ITS_RUNNER = statusIn([TRANSITIONS.complete.to, TRANSITIONS.fail.to]);

export type MinuteJobRow = MinuteJob & { looked: number };

/**
 * Reads the jobs that were claimed or ended in a minute. It searches the jobs queued in the last hour, the older jobs that
 * are live, and the jobs that took an hour or more to end. `start` is the id of a user, or the beginning of an id.
 */
export function readMinuteJobs({ from, to, start }: { from: number; to: number; start: string }): Statement {
  const oldest = lowestIdAt('job', from - HOUR_MS);
  const columns = raw('j.status, j.created_at, j.available_at, j.claimed_at, j.started_at, j.finished_at');
  const recent = (users: Statement) => sql`
    SELECT ${columns} FROM users u CROSS JOIN jobs j ON j.user_id = u.id AND j.id >= ${oldest} WHERE ${users}`;
  const looked = join([recent(sql`u.id >= ${start}`), recent(sql`u.id < ${start}`)], ' UNION ALL ');
  const wasClaimed = sql`claimed_at >= ${from} AND claimed_at < ${to}`;
  const hasEnded = sql`finished_at >= ${from} AND finished_at < ${to}`;
  return sql`
    WITH recent AS MATERIALIZED (SELECT * FROM (${looked}) LIMIT ${RECENT_LIMIT}),
    slow AS (
      SELECT ${columns} FROM jobs j INDEXED BY jobs_slow
      WHERE ${raw(IS_SLOW)} AND j.finished_at >= ${from} AND j.finished_at < ${to} AND j.id < ${oldest} LIMIT ${SLOW_LIMIT}),
    live AS (
      SELECT * FROM (SELECT ${columns} FROM ${raw(LIVE_OF_ALL)} AND j.id < ${oldest} LIMIT ${LIVE_COUNTED}) WHERE ${wasClaimed}),
    found AS (
      SELECT * FROM recent WHERE (${wasClaimed}) OR (${hasEnded}) UNION ALL SELECT * FROM slow UNION ALL SELECT * FROM live)
    SELECT (SELECT count(*) FROM recent) AS looked,
      CASE WHEN ${hasEnded} THEN status END AS outcome,
      CASE WHEN ${wasClaimed} THEN claimed_at - max(created_at, available_at) END AS wakeMs,
      CASE WHEN ${hasEnded} AND started_at IS NOT NULL AND ${raw(BY_ITS_RUNNER)}
        THEN finished_at - started_at END AS runMs
    FROM found`;
}

/** Reads the rows of these minutes. Skips rows that still contain an older minute. */
export function readStats(column: 'minute' | 'quarter' | 'hour', minutes: readonly number[]): Statement {
  const slots = JSON.stringify(minutes.map(slotOf));
  return sql`
    SELECT at, ${raw(column)} AS stats FROM minute_stats
    WHERE slot IN (SELECT value FROM json_each(${slots})) AND at >= ${Math.min(...minutes)} AND stats IS NOT NULL
    ORDER BY at`;
}

export interface StatsRow {
  at: number;
  minute: string;
  quarter: string | undefined;
  hour: string | undefined;
}

/** Writes a minute over the row that is 8 days old. Does nothing if the minute was already written. */
export function putStatsIfNewer(db: Database, { at, minute, quarter, hour }: StatsRow): Promise<boolean> {
  return db.write(sql`
    INSERT INTO minute_stats (slot, at, minute, quarter, hour) VALUES (${slotOf(at)}, ${at}, ${minute}, ${quarter}, ${hour})
    ON CONFLICT (slot) DO UPDATE SET at = excluded.at, minute = excluded.minute, quarter = excluded.quarter, hour = excluded.hour
    WHERE minute_stats.at < excluded.at`);
}
