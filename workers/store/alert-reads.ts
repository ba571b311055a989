/** Reads the facts for alerts, over all accounts. Every statement reads or returns a bounded number of rows. */

import type { UserId } from '../../spec/ids.ts';
import { LEASED_STATUSES, TRANSITIONS } from '../../spec/job/status.ts';
import { OFFLINE_AFTER_MS } from '../../spec/job/waiting.ts';
import { CONTACT_AGES_S } from '../../spec/overview/monitoring.ts';
import { LIVE_COUNTED } from './admin-reads.ts';
import { join, raw, type Statement, sql } from './database.ts';
import { mayBe, statusIn } from './guard.ts';
import { type JobRow, jobColumns, LIVE_OF_ALL } from './job-row.ts';
import { IN_TROUBLE } from './overview-reads.ts';

/** A job with its account and one machine: the machine that holds it, or else the machine that it names. */
export type AlertJobRow = JobRow & {
  email: string;
  dependsOn: string | null;
  machineName: string | null;
  machineSeenAt: number | null;
  machineListens: 0 | 1 | null;
};

const WITH_PLACE = `, u.email AS email, m.id AS dependsOn, m.name AS machineName, m.last_seen_at AS machineSeenAt,
  m.listening_transport IS NOT NULL AS machineListens`;
const MACHINE =
  'LEFT JOIN machines m ON m.id = coalesce(j.machine_id, j.target_machine_id) AND m.user_id = j.user_id';

const IS_LOST = statusIn([TRANSITIONS.hold.to], 'j.');

export function readAllLost(limit: number): Statement {
  const lost = IN_TROUBLE.replace('status', 'j.status');
  return sql`
    SELECT ${raw(jobColumns('j.') + WITH_PLACE)}
    FROM users u CROSS JOIN jobs j INDEXED BY jobs_in_trouble ON j.user_id = u.id AND ${raw(lost)} AND ${raw(IS_LOST)}
    ${raw(MACHINE)} LIMIT ${limit}`;
}

/**
 * Reads the live jobs that may need an alert. Their lease expired, they were retried often, they depend on a silent machine,
 * or they have been due for a while. Jobs that a machine holds come first.
 */
export function readDoubtfulJobs(
  now: number,
  { dueBefore, attempts, limit }: { dueBefore: number; attempts: number; limit: number },
): Statement {
  const keys = sql`SELECT j.user_id, j.id, j.status, j.lease_expires_at, j.attempt, j.available_at, j.machine_id,
    j.target_machine_id FROM ${raw(LIVE_OF_ALL)} LIMIT ${LIVE_COUNTED}`;
  return sql`
    SELECT ${raw(jobColumns('j.') + WITH_PLACE)} FROM (
      SELECT k.user_id, k.id FROM (${keys}) k
      LEFT JOIN machines m ON m.id = coalesce(k.machine_id, k.target_machine_id) AND m.user_id = k.user_id
      WHERE ${raw(statusIn(LEASED_STATUSES, 'k.'))} AND k.lease_expires_at <= ${now}
        OR k.attempt >= ${attempts}
        OR m.listening_transport IS NULL AND m.last_seen_at <= ${now - OFFLINE_AFTER_MS}
        OR ${raw(mayBe('claim', 'k.'))} AND k.available_at <= ${dueBefore}
      ORDER BY ${raw(mayBe('claim', 'k.'))}, k.available_at LIMIT ${limit}) found
    CROSS JOIN jobs j ON j.user_id = found.user_id AND j.id = found.id
    JOIN users u ON u.id = j.user_id ${raw(MACHINE)}`;
}

/** The maximum number of machines that are read for alerts about machines. */
export const MACHINES_LOOKED_AT = 2000;

export interface SpoolRow {
  id: string;
  name: string;
  userId: UserId;
  email: string;
  report: string;
}

/** Reads the machines whose runner has a backlog on its disk. */
export function readBacklogs(limit: number): Statement {
  return sql`
    SELECT m.id, m.name, m.user_id AS userId, u.email, m.report FROM (
      SELECT id, name, user_id, report FROM machines ORDER BY id LIMIT ${MACHINES_LOOKED_AT}) m
    JOIN users u ON u.id = m.user_id
    WHERE m.report ->> '$.spool.leases' > 0 LIMIT ${limit}`;
}

/** Counts the machines that contacted the server since a time, by version. */
export function readVersions(since: number): Statement {
  return sql`
    SELECT app_version AS version, count(*) AS machines, min(id) AS machineId FROM (
      SELECT id, app_version, last_seen_at, listening_transport FROM machines ORDER BY id LIMIT ${MACHINES_LOOKED_AT})
    WHERE last_seen_at >= ${since} OR listening_transport IS NOT NULL
    GROUP BY app_version ORDER BY machines DESC LIMIT 50`;
}

/** Counts the machines of the last time `withinMs` by the age of their last contact. */
export function readContactAges(now: number, withinMs: number): Statement {
  const ageMs = sql`max(0, ${now} - last_seen_at)`;
  const below = join(
    CONTACT_AGES_S.map((seconds, at) => sql`total(${ageMs} <= ${seconds * 1000}) AS ${raw(`below${at}`)}`),
    ', ',
  );
  return sql`
    SELECT count(*) AS count, total(${ageMs}) / 1000 AS sumSeconds, total(listening_transport IS NOT NULL) AS listening,
      ${below} FROM (
      SELECT last_seen_at, listening_transport FROM machines ORDER BY id LIMIT ${MACHINES_LOOKED_AT})
    WHERE last_seen_at >= ${now - withinMs}`;
}
