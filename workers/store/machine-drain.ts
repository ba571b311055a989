/** Whether a machine may claim: a person's order, with its trace in the audit log under the same guard. */

import type { Database } from './database.ts';
import { sql } from './database.ts';

export interface DrainOrder {
  userId: string;
  machineId: string;
  isDraining: boolean;
  now: number;
  actor: string;
  source: string;
  reason: string | undefined;
}

/** False: it was so already, and nothing was written. */
export async function setDrainingIfOther(db: Database, order: DrainOrder): Promise<boolean> {
  const { userId, machineId, isDraining } = order;
  const draining = isDraining ? 1 : 0;
  const results = await db.batch([
    sql`
      INSERT OR IGNORE INTO audit_log (at, user_id, actor, source, action, subject, detail)
      SELECT ${order.now}, user_id, ${order.actor}, ${order.source}, ${isDraining ? 'drain' : 'resume'}, id, ${order.reason}
      FROM machines WHERE id = ${machineId} AND user_id = ${userId} AND draining <> ${draining}`,
    sql`
      UPDATE machines SET draining = ${draining}
      WHERE id = ${machineId} AND user_id = ${userId} AND draining <> ${draining}`,
  ]);
  return (results[1]?.changes ?? 0) > 0;
}
