/** The moves of a person: cancel and retry. */

import { DEFAULT_EXPIRY_MS } from '../../spec/job/kinds.ts';
import { TRANSITIONS } from '../../spec/job/status.ts';
import { type Database, join, raw, type Statement, sql } from './database.ts';
import { becomes, guardIn, type JobKey, mayBe } from './guard.ts';
import type { JobRow } from './job-row.ts';
import { jobColumns } from './job-row.ts';
import { archive, auditMove, CLEAR_ATTEMPT, noteOnReview, update } from './job-update.ts';
import type { AttemptOutcome } from './schema.ts';

export interface Order {
  now: number;
  /** The id and e-mail of the person. */
  actor: string;
  by: string;
  source: string;
  reason: string | undefined;
  /** The lease that must still hold the job. If null, no lease may hold it. If undefined, any lease may. */
  leaseId: string | null | undefined;
}

/** The condition that prevents a late order from undoing a newer order. */
function notRetriedSince(at: number): Statement {
  return sql`
    NOT EXISTS (SELECT 1 FROM audit_log later WHERE later.user_id = jobs.user_id AND later.subject = jobs.id
      AND later.at > ${at} AND later.action = 'retry')`;
}

/** Cancels a job, finally and at once. The lease id stays in the row, so that the holder can still learn the reason. */
export function cancelIfLive(key: JobKey, order: Order): Statement[] {
  const where = [notRetriedSince(order.now)];
  if (order.leaseId !== undefined) where.push(sql`coalesce(lease_id, '') = ${order.leaseId ?? ''}`);
  return [
    auditMove(key, 'cancel', { ...order, at: order.now, detail: order.reason, where }),
    noteOnReview(key, 'cancel', { now: order.now, error: order.reason ?? null, where }),
    update(key, 'cancel', {
      set: {
        finishedAt: order.now,
        updatedAt: order.now,
        cancelledBy: order.by,
        cancelReason: order.reason,
      },
      where,
    }),
  ];
}

interface JobsOfIdea {
  userId: string;
  ideaId: string;
  limit: number;
}

/** The unfinished jobs of an idea that a cancel may end, oldest first. */
function liveOf({ userId, ideaId, limit }: JobsOfIdea, where: readonly Statement[]): Statement {
  const conditions = [
    sql`user_id = ${userId}`,
    raw('finished_at IS NULL'),
    sql`idea_id = ${ideaId}`,
    raw(mayBe('cancel')),
    ...where,
  ];
  return sql`jobs INDEXED BY jobs_live WHERE ${join(conditions, ' AND ')} ORDER BY id LIMIT ${limit}`;
}

/**
 * Cancels the jobs of an idea that no machine holds: the same three statements as {@link cancelIfLive}, each for the same
 * jobs, because the statements run in one batch.
 */
export function cancelUnheldOf(jobs: JobsOfIdea, order: Order): Statement[] {
  const these = liveOf(jobs, [raw('lease_id IS NULL'), notRetriedSince(order.now)]);
  return [
    sql`
      INSERT OR IGNORE INTO audit_log (at, user_id, actor, source, action, subject, detail)
      SELECT ${order.now}, user_id, ${order.actor}, ${order.source}, 'cancel', id, ${order.reason} FROM ${these}`,
    sql`
      UPDATE checkpoints SET status = ${TRANSITIONS.cancel.to}, error = ${order.reason}, responded_at = ${order.now}
      WHERE user_id = ${jobs.userId} AND id IN (SELECT checkpoint_id FROM ${these})`,
    sql`
      UPDATE jobs SET ${becomes('cancel')}, finished_at = ${order.now}, updated_at = ${order.now},
        cancelled_by = ${order.by}, cancel_reason = ${order.reason}
      WHERE user_id = ${jobs.userId} AND id IN (SELECT id FROM ${these}) RETURNING ${raw(jobColumns())}`,
  ];
}

/** Reads jobs of an idea that a machine holds or has lost. */
export function readHeldOf(jobs: JobsOfIdea): Statement {
  return sql`SELECT ${raw(jobColumns())} FROM ${liveOf(jobs, [raw('lease_id IS NOT NULL')])}`;
}

/** Records that the runner has stopped the agent. The first receipt stays. */
export function confirmCancel(
  db: Database,
  key: JobKey,
  receipt: { leaseId: string; at: number; json: string },
): Promise<JobRow | undefined> {
  const where = [sql`lease_id = ${receipt.leaseId}`];
  return db.first<JobRow>(sql`
    UPDATE jobs SET cancel_confirmed_at = coalesce(cancel_confirmed_at, ${receipt.at}),
      stop_receipt = coalesce(stop_receipt, ${receipt.json})
    WHERE ${guardIn(key, [TRANSITIONS.cancel.to], where)} RETURNING ${raw(jobColumns())}`);
}

/** A replaced attempt: how it ended, and which machine held it. */
export interface Replaced {
  outcome: string;
  machineId: string | null;
  leaseId: string | null;
}

/** The outcomes of attempts that a sweep returned to the queue. */
const SWEPT: readonly AttemptOutcome[] = ['lost', 'released'];

/**
 * Finds the attempt that a retry by a person has already replaced. Returns undefined if there is none. Skips attempts that a
 * sweep returned to the queue. A job that was never claimed has no archived attempt, only the audit entry of the retry.
 */
export async function findRetried(db: Database, key: JobKey, attempt: number): Promise<Replaced | undefined> {
  const replaced = sql`
    SELECT outcome, machine_id AS machineId, lease_id AS leaseId FROM attempts
    WHERE user_id = ${key.userId} AND job_id = ${key.id} AND attempt = ${attempt} AND outcome NOT IN (${join(
      SWEPT.map((outcome) => sql`${outcome}`),
      ', ',
    )})`;
  const ordered = sql`
    SELECT ${TRANSITIONS.cancel.to} AS outcome, NULL AS machineId, NULL AS leaseId FROM audit_log
    WHERE user_id = ${key.userId} AND subject = ${key.id} AND action = 'retry' LIMIT 1`;
  return db.first<Replaced>(attempt === 0 ? ordered : replaced);
}

/** Retries a job for a person, if its status and lease are unchanged since they were read. */
export function retryIfUnchanged(
  key: JobKey,
  read: { status: JobRow['status']; leaseId: string | null; attempt: number },
  order: Omit<Order, 'leaseId' | 'by'>,
): Statement[] {
  const at = { now: order.now };
  const where = [
    sql`status = ${read.status}`,
    sql`coalesce(lease_id, '') = ${read.leaseId ?? ''}`,
    sql`attempt = ${read.attempt}`,
  ];
  return [
    auditMove(key, 'retry', { ...order, at: order.now, detail: order.reason, where }),
    archive(key, { outcome: undefined, verb: 'retry', now: at.now, where }),
    noteOnReview(key, 'retry', { now: at.now, error: null, where }),
    update(key, 'retry', {
      set: {
        ...CLEAR_ATTEMPT,
        attemptsUsed: 0,
        usageWaits: 0,
        availableAt: at.now,
        delayed: 0,
        expiresAt: sql`max(expires_at, ${at.now + DEFAULT_EXPIRY_MS})`,
        updatedAt: at.now,
      },
      where,
    }),
  ];
}
