/** The reads and deletes of the periodic repair, in bounded batches. */

import { lowestIdAt } from '../../spec/ids.ts';
import { LEASED_STATUSES } from '../../spec/job/status.ts';
import type { Statement } from './database.ts';
import { sql } from './database.ts';
import { mayBe, statusIn } from './guard.ts';
import { jobColumns, LIVE_OF_ALL } from './job-row.ts';
import { VISIT_EVERY_MS } from './machines.ts';

/** Reads expired leases of every account, with one read of the held jobs of each. */
export function readExpiredLeases(now: number, limit: number): Statement {
  return {
    sql: `SELECT ${jobColumns('j.')} FROM ${LIVE_OF_ALL}
          AND j.place = 'held' WHERE ${statusIn(LEASED_STATUSES, 'j.')} AND j.lease_expires_at <= ? LIMIT ?`,
    values: [now, limit],
  };
}

/** Reads the jobs of every account that waited past their expiry. */
export function readExpiredInQueue(now: number, limit: number): Statement {
  return {
    sql: `SELECT ${jobColumns('j.')} FROM ${LIVE_OF_ALL} WHERE ${mayBe('expire', 'j.')} AND j.expires_at <= ? LIMIT ?`,
    values: [now, limit],
  };
}

/** Reads the expired leases of one machine. */
export function readExpiredOfMachine(at: {
  userId: string;
  machineId: string;
  now: number;
  limit: number;
}): Statement {
  return {
    sql: `SELECT ${jobColumns('j.')} FROM jobs j INDEXED BY jobs_live WHERE j.user_id = ? AND j.finished_at IS NULL
            AND j.place = 'held' AND ${statusIn(LEASED_STATUSES, 'j.')} AND j.machine_id = ? AND j.lease_expires_at <= ? LIMIT ?`,
    values: [at.userId, at.machineId, at.now, at.limit],
  };
}

/** Reads the queued jobs that became due since the last run. */
export function readNewlyDue(since: number, now: number): Statement {
  return {
    sql: `SELECT ${jobColumns('j.')} FROM ${LIVE_OF_ALL}
          WHERE ${mayBe('claim', 'j.')} AND j.available_at > ? AND j.available_at <= ? LIMIT 100`,
    values: [since, now],
  };
}

/** A machine whose object is due for maintenance. */
export interface DueVisit {
  id: string;
  userId: string;
  transport: 'ws' | 'sse' | null;
  lastSeenAt: number;
}

/** Reads the machines in the order in which they became due, so that later runs reach the others. */
export function readDueVisits(now: number, limit: number): Statement {
  return sql`
    SELECT id, user_id AS userId, listening_transport AS transport, last_seen_at AS lastSeenAt
    FROM machines INDEXED BY machines_by_visit WHERE visit_at <= ${now} ORDER BY visit_at LIMIT ${limit}`;
}

/** Plans the next visit of machines that were visited. */
export function planNextVisit(ids: readonly string[], now: number): Statement {
  return sql`
    UPDATE machines SET visit_at = CASE listening_transport
      WHEN 'sse' THEN ${now + VISIT_EVERY_MS.sse} ELSE ${now + VISIT_EVERY_MS.ws} END
    WHERE id IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`;
}

/**
 * Marks machines that neither listen nor send heartbeats. Reads `limit` machines before and after `start`, which is an id or
 * the beginning of an id; later runs find the other machines. An index of silent machines would cost a written row with every
 * heartbeat.
 */
export function markStale(at: { now: number; silentSince: number; start: string; limit: number }): Statement {
  const part = (condition: Statement) => sql`
    SELECT * FROM (SELECT id, stale_at, listening_transport, last_seen_at FROM machines
      WHERE ${condition} ORDER BY id LIMIT ${at.limit})`;
  return sql`
    UPDATE machines SET stale_at = ${at.now}
    WHERE id IN (SELECT id FROM (${part(sql`id >= ${at.start}`)} UNION ALL ${part(sql`id < ${at.start}`)})
      WHERE stale_at IS NULL AND listening_transport IS NULL AND last_seen_at < ${at.silentSince})
    RETURNING id, user_id AS userId, last_seen_at AS lastSeenAt`;
}

/** Deletes finished jobs after the retention time, with their attempts and reviews. */
export function pruneJobs(before: number, limit: number): Statement {
  return sql`
    DELETE FROM jobs WHERE (user_id, id) IN (
      SELECT j.user_id, j.id FROM users u CROSS JOIN jobs j ON j.user_id = u.id AND j.id < ${lowestIdAt('job', before)}
      WHERE j.finished_at < ${before} LIMIT ${limit})`;
}

/**
 * Deletes the oldest ended jobs of accounts that use 90 % of `keptJobs`. It handles a few random accounts at a time, so that
 * no account delays the others.
 */
export function pruneKeptJobs(keptJobs: number, limits: { accounts: number; jobs: number }): Statement {
  return sql`
    DELETE FROM jobs WHERE (user_id, id) IN (
      SELECT crowded.user_id, j.id FROM (
        SELECT user_id FROM account_usage
        WHERE kept_jobs > 0 AND kept_jobs >= 0.9 * coalesce(limits ->> '$.keptJobs', ${keptJobs})
        ORDER BY random() LIMIT ${limits.accounts}) crowded
      JOIN jobs j ON j.user_id = crowded.user_id AND j.id IN (
        SELECT id FROM jobs WHERE user_id = crowded.user_id AND finished_at IS NOT NULL ORDER BY id LIMIT ${limits.jobs}))`;
}

/**
 * Counts the live jobs of a few accounts whose counter has reached half of the limit. Between two counts the counter only grows, because
 * reducing it would cost one more written row for each ended job.
 */
export function recountLiveJobs(queuedJobs: number, accounts: number): Statement {
  return sql`
    UPDATE account_usage SET live_jobs = counted.live FROM (
      SELECT high.user_id, (SELECT count(*) FROM jobs INDEXED BY jobs_live
        WHERE user_id = high.user_id AND finished_at IS NULL) AS live
      FROM (SELECT user_id FROM account_usage
        WHERE live_jobs > 0 AND live_jobs >= 0.5 * coalesce(limits ->> '$.queuedJobs', ${queuedJobs})
        ORDER BY random() LIMIT ${accounts}) high) counted
    WHERE account_usage.user_id = counted.user_id AND live_jobs <> counted.live`;
}

export function pruneSignIn(
  now: number,
  before: { windowStarted: number; revoked: number; limit: number },
): Statement[] {
  return [
    sql`
      DELETE FROM device_tokens WHERE hash IN (
        SELECT t.hash FROM users u CROSS JOIN device_tokens t INDEXED BY device_tokens_of_user
        ON t.user_id = u.id AND t.revoked_at < ${before.revoked} LIMIT ${before.limit})`,
    sql`DELETE FROM sign_in_codes WHERE expires_at < ${now}`,
    sql`DELETE FROM device_requests WHERE expires_at < ${now}`,
    // The audit log keeps the uses of links.
    sql`DELETE FROM one_time_links WHERE expires_at < ${before.revoked}`,
    sql`DELETE FROM sign_in_failures WHERE window_started_at < ${before.windowStarted}`,
  ];
}
