/** What the database holds, to prove that a refused request has changed nothing. */

import { applyD1Migrations, reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import * as ideaSchema from '../../../workers/store/idea-schema.ts';
import * as schema from '../../../workers/store/schema.ts';
import { Table } from '../../../workers/store/table.ts';
import type { Person } from './people.ts';

const TABLES = Object.values({ ...schema, ...ideaSchema }).filter((one) => one instanceof Table);

/** Counters of wrong passwords and of the minute belong to no record that a request names. */
const COUNTERS = ['sign_in_failures', 'minute_stats'];

/** Every row of one account, or of the whole database, as text. */
export async function snapshot(owner?: Person): Promise<string> {
  const tables = TABLES.filter(({ name }) => !COUNTERS.includes(name));
  // One call of the database: a call takes longer than most of the statements.
  const read = await env.DB.batch<Record<string, unknown>>(tables.map((table) => readAll(table, owner)));
  return tables
    .map(({ name }, at) => `${name}: ${JSON.stringify(read[at]?.results.map(withoutUse))}`)
    .join('\n');
}

function readAll({ name, columns: fields }: Table, owner: Person | undefined): D1PreparedStatement {
  const columns = Object.values(fields).map((column) => column.name);
  const key = columns.includes('user_id') ? 'user_id' : name === 'users' ? 'id' : undefined;
  if (owner === undefined || key === undefined) return env.DB.prepare(`SELECT * FROM ${name}`);
  return env.DB.prepare(`SELECT * FROM ${name} WHERE ${key} = ?`).bind(owner.userId);
}

/** The use of a token is noted once a day, also when its request is refused. */
function withoutUse({ used_at: _usedAt, ...row }: Record<string, unknown>) {
  return row;
}

/**
 * Empties the database after a file that makes hundreds of accounts, because the files of one worker share it, and some of
 * them count what cron reads.
 */
export async function emptyDatabase(): Promise<void> {
  await reset();
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
}
