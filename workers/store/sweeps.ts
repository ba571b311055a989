/** What the periodic repair reads and prunes, in bounded batches. */

import { lowestIdAt } from '../../spec/ids.ts';
import { LEASED_STATUSES } from '../../spec/job/status.ts';
import type { Statement } from './database.ts';
import { sql } from './database.ts';
import { mayBe, statusIn } from './guard.ts';
import { jobColumns } from './job-row.ts';

const LIVE_OF_ALL =
  'users u CROSS JOIN jobs j INDEXED BY jobs_live ON j.user_id = u.id AND j.finished_at IS NULL';

/** Expired leases of every account; one read of each account's live index. */
export function readExpiredLeases(now: number, limit: number): Statement {
  return {
    sql: `SELECT ${jobColumns('j.')} FROM ${LIVE_OF_ALL}
          WHERE ${statusIn(LEASED_STATUSES, 'j.')} AND j.lease_expires_at <= ? LIMIT ?`,
    values: [now, limit],
  };
}

/** Jobs of every account that waited past their expiry. */
export function readExpiredInQueue(now: number, limit: number): Statement {
  return {
    sql: `SELECT ${jobColumns('j.')} FROM ${LIVE_OF_ALL} WHERE ${mayBe('expire', 'j.')} AND j.expires_at <= ? LIMIT ?`,
    values: [now, limit],
  };
}

/** The same for one machine's leases. */
export function readExpiredOfMachine(at: {
  userId: string;
  machineId: string;
  now: number;
  limit: number;
}): Statement {
  return {
    sql: `SELECT ${jobColumns('j.')} FROM jobs j INDEXED BY jobs_live WHERE j.user_id = ? AND j.finished_at IS NULL
            AND ${statusIn(LEASED_STATUSES, 'j.')} AND j.machine_id = ? AND j.lease_expires_at <= ? LIMIT ?`,
    values: [at.userId, at.machineId, at.now, at.limit],
  };
}

/** Queued jobs of machines that wait for a moment that has come since the last run. */
export function readNewlyDue(since: number, now: number): Statement {
  return {
    sql: `SELECT ${jobColumns('j.')} FROM ${LIVE_OF_ALL}
          WHERE ${mayBe('claim', 'j.')} AND j.available_at > ? AND j.available_at <= ? LIMIT 100`,
    values: [since, now],
  };
}

/** Machines that have become silent: neither listening nor heard of. */
export function markStale(at: { now: number; silentSince: number; limit: number }): Statement {
  return sql`
    UPDATE machines SET stale_at = ${at.now}
    WHERE id IN (SELECT id FROM machines WHERE stale_at IS NULL AND listening_transport IS NULL
      AND last_seen_at < ${at.silentSince} LIMIT ${at.limit})
    RETURNING id, user_id AS userId, last_seen_at AS lastSeenAt`;
}

/** Finished jobs older than the retention, with their attempts and reviews kept by nobody else. */
export function pruneJobs(before: number, limit: number): Statement {
  return sql`
    DELETE FROM jobs WHERE (user_id, id) IN (
      SELECT j.user_id, j.id FROM users u CROSS JOIN jobs j ON j.user_id = u.id AND j.id < ${lowestIdAt('job', before)}
      WHERE j.finished_at < ${before} LIMIT ${limit})`;
}

/**
 * The oldest ended jobs of accounts that use nine tenths of `keptJobs`. A few accounts at a time, drawn by lot: none of them
 * keeps the others waiting.
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
    sql`DELETE FROM sign_in_failures WHERE window_started_at < ${before.windowStarted}`,
  ];
}
