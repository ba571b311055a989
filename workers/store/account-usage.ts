/** Compares the usage of an account with its limits. Triggers update the counters; this file only reads them. */

import type { AccountLimit, AccountLimits } from '../../spec/bounds.ts';
import { type Database, raw, type Statement, sql } from './database.ts';

/** The amounts that a write would add, by limit. */
export type Added = Partial<Record<'queuedJobs' | 'keptJobs' | 'ideas' | 'features' | 'storedBytes', number>>;

/** The limit of this account: the value that an operator set, or else the value of the deployment. */
function limitOf(name: AccountLimit, userId: string, limits: AccountLimits): Statement {
  return {
    sql: `coalesce((SELECT limits ->> '$.${name}' FROM account_usage WHERE user_id = ?), ?)`,
    values: [userId, limits[name]],
  };
}

const COUNTERS = {
  ideas: 'ideas',
  features: 'features',
  storedBytes: 'stored_bytes',
  keptJobs: 'kept_jobs',
  queuedJobs: 'live_jobs',
} as const;

/** A limit of jobs up to this number is compared with the exact number of jobs, which a sample would miss. */
export const COUNTED_EXACTLY = 100;

function counterOf(name: keyof Added, userId: string): Statement {
  return sql`coalesce((SELECT ${raw(COUNTERS[name])} FROM account_usage WHERE user_id = ${userId}), 0)`;
}

/**
 * The condition that one more live job fits. The counter is an estimate from a sample (record 0047) and is not reduced when a job ends, so
 * that a long queue costs nothing. The statement counts the jobs, up to the limit, only if the counter has reached the limit, or if the
 * limit is low.
 */
function hasRoomInQueue(userId: string, count: number, limit: Statement): Statement {
  const exact = sql`(SELECT count(*) FROM (SELECT 1 FROM jobs INDEXED BY jobs_live
    WHERE user_id = ${userId} AND finished_at IS NULL LIMIT ${limit})) + ${count} <= ${limit}`;
  const sampled = sql`${counterOf('queuedJobs', userId)} + ${count} <= ${limit}`;
  return sql`((${limit} > ${COUNTED_EXACTLY} AND ${sampled}) OR ${exact})`;
}

/** The condition that the account has room for the amounts that a write adds. A write that adds nothing is always allowed. */
export function hasRoom(userId: string, added: Added, limits: AccountLimits): Statement {
  const parts = entriesOf(added).map(([name, count]): Statement => {
    const limit = limitOf(name, userId, limits);
    if (name === 'queuedJobs') return hasRoomInQueue(userId, count, limit);
    return sql`${counterOf(name, userId)} + ${count} <= ${limit}`;
  });
  if (parts.length === 0) return { sql: 'TRUE', values: [] };
  return {
    sql: parts.map((part) => part.sql).join(' AND '),
    values: parts.flatMap((part) => part.values),
  };
}

/** Returns the first limit that leaves no room, or undefined if there is room. One round trip. */
export async function findFullLimit(
  db: Database,
  userId: string,
  { added, limits }: { added: Added; limits: AccountLimits },
): Promise<AccountLimit | undefined> {
  const checks = entriesOf(added).map(([name, count]) => ({
    name,
    room: hasRoom(userId, { [name]: count }, limits),
  }));
  if (checks.length === 0) return undefined;
  const row = await db.first<Record<string, number>>({
    sql: `SELECT ${checks.map(({ name, room }) => `${room.sql} AS ${name}`).join(', ')}`,
    values: checks.flatMap(({ room }) => room.values),
  });
  return checks.find(({ name }) => row?.[name] === 0)?.name;
}

function entriesOf(added: Added): [keyof Added, number][] {
  const entries = Object.entries(added) as [keyof Added, number][];
  return entries.filter(([, count]) => count > 0);
}

/** The limits of this account. */
export async function readLimits(
  db: Database,
  userId: string,
  limits: AccountLimits,
): Promise<AccountLimits> {
  const row = await db.first<{ limits: string | null }>({
    sql: 'SELECT limits FROM account_usage WHERE user_id = ?',
    values: [userId],
  });
  return { ...limits, ...(JSON.parse(row?.limits ?? '{}') as Partial<AccountLimits>) };
}

/** What an account uses, and the limits that an operator set for it. */
export interface UsageRow extends Record<keyof typeof COUNTERS | 'machines' | 'linkedProjects', number> {
  id: string;
  email: string;
  limits: string | null;
}

/**
 * Reads the usage of one account, or of the next accounts in the order of their ids. The bytes of linked repositories are not
 * included, because the database would read all of them.
 */
export function readUsage(
  which: { userId: string } | { after: string; limit: number },
  { queuedJobs }: AccountLimits,
): Statement {
  const of =
    'userId' in which
      ? sql`a.user_id = ${which.userId}`
      : sql`a.user_id > ${which.after} ORDER BY a.user_id LIMIT ${which.limit}`;
  return sql`
    SELECT a.user_id AS id, u.email AS email, a.limits AS limits, a.ideas AS ideas, a.features AS features,
      a.stored_bytes AS storedBytes, a.kept_jobs AS keptJobs,
      CASE WHEN coalesce(a.limits ->> '$.queuedJobs', ${queuedJobs}) > ${COUNTED_EXACTLY} THEN a.live_jobs
        ELSE (SELECT iif(count(*) < ${COUNTED_EXACTLY}, count(*), max(count(*), a.live_jobs))
          FROM (SELECT 1 FROM jobs INDEXED BY jobs_live
            WHERE user_id = a.user_id AND finished_at IS NULL LIMIT ${COUNTED_EXACTLY})) END AS queuedJobs,
      (SELECT count(*) FROM machines INDEXED BY machines_of_user WHERE user_id = a.user_id) AS machines,
      (SELECT count(*) FROM linked_projects INDEXED BY linked_projects_of_idea
        WHERE user_id = a.user_id) AS linkedProjects
    FROM account_usage a JOIN users u ON u.id = a.user_id
    WHERE ${of}`;
}
