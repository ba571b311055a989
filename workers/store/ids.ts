/** Finds ids by their beginning. Each search is a range of a key, so the number of read rows is bounded. */

import type { LookupKind } from '../../spec/contract/machines.ts';
import { LOOKUP_LIMIT } from '../../spec/contract/machines.ts';
import type { UserId } from '../../spec/ids.ts';
import type { Database } from './database.ts';

const TABLES: Record<LookupKind, string> = {
  job: 'jobs',
  idea: 'ideas',
  feature: 'features',
  machine: 'machines',
  checkpoint: 'checkpoints',
};

/** The ids of one account that begin with `prefix`, in order. `~` sorts after every character of an id. */
export async function findIds(
  db: Database,
  userId: UserId,
  { kind, prefix }: { kind: LookupKind; prefix: string },
): Promise<string[]> {
  const rows = await db.all<{ id: string }>({
    sql: `SELECT id FROM ${TABLES[kind]} WHERE user_id = ? AND id >= ? AND id < ? ORDER BY id LIMIT ${LOOKUP_LIMIT}`,
    values: [userId, prefix, `${prefix}~`],
  });
  return rows.map(({ id }) => id);
}
