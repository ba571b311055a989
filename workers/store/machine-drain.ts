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
  // The last part: an order that reaches D1 late does not undo a newer one.
  const guard = sql`
    id = ${machineId} AND user_id = ${userId} AND draining <> ${draining}
    AND NOT EXISTS (SELECT 1 FROM audit_log later WHERE later.user_id = ${userId} AND later.subject = ${machineId}
      AND later.at > ${order.now} AND later.action IN ('drain', 'resume'))`;
  const results = await db.batch([
    {
      sql: `INSERT OR IGNORE INTO audit_log (at, user_id, actor, source, action, subject, detail)
            SELECT ?, user_id, ?, ?, ?, id, ? FROM machines WHERE ${guard.sql}`,
      values: [
        order.now,
        order.actor,
        order.source,
        isDraining ? 'drain' : 'resume',
        order.reason,
        ...guard.values,
      ],
    },
    { sql: `UPDATE machines SET draining = ? WHERE ${guard.sql}`, values: [draining, ...guard.values] },
  ]);
  return (results[1]?.changes ?? 0) > 0;
}
