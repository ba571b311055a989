/** What an account holds, against what it may hold. Triggers keep the counters; here they are only read. */

import type { AccountLimit, AccountLimits } from '../../spec/bounds.ts';
import type { Database, Statement } from './database.ts';

/** What a write would add, by the limit it counts for. */
export type Added = Partial<Record<'queuedJobs' | 'keptJobs' | 'ideas' | 'features' | 'storedBytes', number>>;

/** A limit of this account: what an operator granted it, else that of the deployment. */
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
} as const;

function heldOf(name: keyof Added, userId: string, limit: Statement): Statement {
  if (name !== 'queuedJobs') {
    const counter = `(SELECT ${COUNTERS[name]} FROM account_usage WHERE user_id = ?)`;
    return { sql: `coalesce(${counter}, 0)`, values: [userId] };
  }
  // Counted in the index of live jobs, never further than the limit.
  const live = 'SELECT 1 FROM jobs INDEXED BY jobs_live WHERE user_id = ? AND finished_at IS NULL';
  return { sql: `(SELECT count(*) FROM (${live} LIMIT ${limit.sql}))`, values: [userId, ...limit.values] };
}

/** A condition for the guard of a write: the account has room for what it adds. What adds nothing is always allowed. */
export function hasRoom(userId: string, added: Added, limits: AccountLimits): Statement {
  const parts = entriesOf(added).map(([name, count]): Statement => {
    const limit = limitOf(name, userId, limits);
    const held = heldOf(name, userId, limit);
    return { sql: `${held.sql} + ? <= ${limit.sql}`, values: [...held.values, count, ...limit.values] };
  });
  if (parts.length === 0) return { sql: 'TRUE', values: [] };
  return {
    sql: parts.map((part) => part.sql).join(' AND '),
    values: parts.flatMap((part) => part.values),
  };
}

/** The first limit that leaves no room; undefined when there is room for all of it. One round trip. */
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
