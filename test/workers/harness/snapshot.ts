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
  const dumps = await Promise.all(
    TABLES.filter(({ name }) => !COUNTERS.includes(name)).map(async ({ name, columns: fields }) => {
      const columns = Object.values(fields).map((column) => column.name);
      const key = columns.includes('user_id') ? 'user_id' : name === 'users' ? 'id' : undefined;
      const where = owner !== undefined && key !== undefined ? `WHERE ${key} = ?` : '';
      const read = env.DB.prepare(`SELECT * FROM ${name} ${where}`);
      const { results } = await (where === '' ? read : read.bind(owner?.userId)).all();
      return `${name}: ${JSON.stringify(results.map(withoutUse))}`;
    }),
  );
  return dumps.join('\n');
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
