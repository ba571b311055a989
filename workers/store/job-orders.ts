/** A person's moves: cancel and retry. */

import { DEFAULT_EXPIRY_MS } from '../../spec/job/kinds.ts';
import type { Database, Statement, Value } from './database.ts';
import { sql } from './database.ts';
import type { JobRow } from './job-row.ts';
import { jobColumns } from './job-row.ts';
import type { JobKey } from './job-update.ts';
import { archive, auditMove, CLEAR_ATTEMPT, noteOnReview, update } from './job-update.ts';

export interface Order {
  now: number;
  /** Id and e-mail of the person. */
  actor: string;
  by: string;
  source: string;
  reason: string | undefined;
  /** The lease that must hold the job still; null: nobody may hold it; undefined: whoever does. */
  leaseId: string | null | undefined;
}

/** An order that reaches D1 late does not end what the person has asked for since. */
function notRetriedSince(at: number): [string, Value] {
  return [
    `NOT EXISTS (SELECT 1 FROM audit_log later WHERE later.user_id = jobs.user_id AND later.subject = jobs.id
      AND later.at > ? AND later.action = 'retry')`,
    at,
  ];
}

/** A person cancels: final at once; the lease id stays on the row, so that its holder can still be told why. */
export function cancelIfLive(key: JobKey, order: Order): Statement[] {
  const where: [string, Value][] = [notRetriedSince(order.now)];
  if (order.leaseId !== undefined) where.push(["coalesce(lease_id, '') = ?", order.leaseId ?? '']);
  return [
    auditMove(key, 'cancel', { ...order, at: order.now, detail: order.reason, where }),
    noteOnReview(key, 'cancel', { status: 'cancelled', now: order.now, error: order.reason ?? null, where }),
    update(key, 'cancel', {
      set: [
        ['finished_at = ?', order.now],
        ['updated_at = ?', order.now],
        ['cancelled_by = ?', order.by],
        ['cancel_reason = ?', order.reason ?? null],
      ],
      where,
    }),
  ];
}

/** The runner says that the agent it stopped has ended. The first receipt stays. */
export function confirmCancel(
  db: Database,
  key: JobKey,
  receipt: { leaseId: string; at: number; json: string },
): Promise<JobRow | undefined> {
  return db.first<JobRow>({
    sql: `UPDATE jobs SET cancel_confirmed_at = coalesce(cancel_confirmed_at, ?), stop_receipt = coalesce(stop_receipt, ?)
          WHERE user_id = ? AND id = ? AND status = 'cancelled' AND lease_id = ? RETURNING ${jobColumns()}`,
    values: [receipt.at, receipt.json, key.userId, key.id, receipt.leaseId],
  });
}

/** An attempt that was replaced: how it ended, and who held it. */
export interface Replaced {
  outcome: string;
  machineId: string | null;
  leaseId: string | null;
}

/**
 * How the attempt ended that a person's retry has replaced already; undefined when none has. An attempt that a sweep put
 * back into the queue counts not: it was `lost` or `released`. One that never had a lease left no archive, only the order.
 */
export async function findRetried(db: Database, key: JobKey, attempt: number): Promise<Replaced | undefined> {
  const replaced = sql`
    SELECT outcome, machine_id AS machineId, lease_id AS leaseId FROM attempts WHERE user_id = ${key.userId} AND job_id = ${key.id} AND attempt = ${attempt}
      AND outcome NOT IN ('lost', 'released')`;
  const ordered = sql`
    SELECT 'cancelled' AS outcome, NULL AS machineId, NULL AS leaseId FROM audit_log
    WHERE user_id = ${key.userId} AND subject = ${key.id} AND action = 'retry' LIMIT 1`;
  return db.first<Replaced>(attempt === 0 ? ordered : replaced);
}

/** A person wants it again, as it was read: status and lease. */
export function retryIfUnchanged(
  key: JobKey,
  read: { status: JobRow['status']; leaseId: string | null; attempt: number },
  order: Omit<Order, 'leaseId' | 'by'>,
): Statement[] {
  const at = { now: order.now };
  const guard: [string, Value][] = [
    ['status = ?', read.status],
    ["coalesce(lease_id, '') = ?", read.leaseId ?? ''],
    ['attempt = ?', read.attempt],
  ];
  return [
    auditMove(key, 'retry', { ...order, at: order.now, detail: order.reason, where: guard }),
    archive(key, { outcome: undefined, verb: 'retry', now: at.now, where: guard }),
    noteOnReview(key, 'retry', { status: 'queued', now: at.now, error: null, where: guard }),
    update(key, 'retry', {
      set: [
        ...CLEAR_ATTEMPT,
        ['attempts_used = ?', 0],
        ['available_at = ?', at.now],
        ['expires_at = max(expires_at, ?)', at.now + DEFAULT_EXPIRY_MS],
        ['updated_at = ?', at.now],
      ],
      where: guard,
    }),
  ];
}
