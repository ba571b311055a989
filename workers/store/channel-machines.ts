/** Machines that may hold an open channel. */

import type { Statement } from './database.ts';
import { sql } from './database.ts';

/** The machines of an account: those that listen first, then those heard of last. */
export function readRecentMachines(userId: string, limit: number): Statement {
  return sql`
    SELECT id FROM machines WHERE user_id = ${userId}
    ORDER BY listening_transport IS NULL, last_seen_at DESC LIMIT ${limit}`;
}
