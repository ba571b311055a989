/** The audit log: who changed something on somebody's machine, from where, what and when. */

import type { Database } from './database.ts';
import { sql } from './database.ts';

export interface AuditEntry {
  at: number;
  user: { id: string };
  order: { source: string; reason?: string | null | undefined };
  action: 'cancel' | 'retry';
  job: { id: string; userId: string };
}

export async function writeAudit(db: Database, { at, user, order, action, job }: AuditEntry): Promise<void> {
  await db.write(sql`
    INSERT INTO audit_log (at, user_id, actor, source, action, subject, detail)
    VALUES (${at}, ${job.userId}, ${user.id}, ${order.source}, ${action}, ${job.id}, ${order.reason})`);
}
