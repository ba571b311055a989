/**
 * What every move of a job is made of: one guarded update, derived from the transition table; the archive of the attempt it
 * replaces and the note on its review, under the same guard and in the same batch.
 */

import type { JobVerb } from '../../spec/job/status.ts';
import { TRANSITIONS } from '../../spec/job/status.ts';
import type { Database, Row, Statement, Value } from './database.ts';
import type { JobRow } from './job-row.ts';
import { jobColumns } from './job-row.ts';

/** Which job, and whose. */
export interface JobKey {
  userId: string;
  id: string;
}

/** A statement from parts: conditions and assignments with their values, in order. */
export function update(
  key: JobKey,
  verb: JobVerb,
  parts: { set: [string, Value | undefined][]; where: [string, Value][] },
): Statement {
  const { from, to } = TRANSITIONS[verb];
  const statuses = from.map((status) => `'${status}'`).join(', ');
  const assignments = [`status = '${to}'`, ...parts.set.map(([assignment]) => assignment)];
  const conditions = [
    'user_id = ?',
    'id = ?',
    `status IN (${statuses})`,
    ...parts.where.map(([condition]) => condition),
  ];
  return {
    sql: `UPDATE jobs SET ${assignments.join(', ')} WHERE ${conditions.join(' AND ')} RETURNING ${jobColumns()}`,
    values: [
      ...parts.set.map(([, value]) => value).filter((value) => value !== undefined),
      key.userId,
      key.id,
      ...parts.where.map(([, value]) => value),
    ],
  };
}

/** Assignments that leave no trace of an attempt on the row. */
export const CLEAR_ATTEMPT: [string, undefined][] = [
  'machine_id = NULL',
  'instance = NULL',
  'claim_id = NULL',
  'lease_id = NULL',
  'lease_expires_at = NULL',
  'project_root = NULL',
  'orp_session_id = NULL',
  'codex_session_id = NULL',
  'session_source = NULL',
  'fallback_reason = NULL',
  'claimed_at = NULL',
  'started_at = NULL',
  'finished_at = NULL',
  'failure_kind = NULL',
  'error = NULL',
  'summary = NULL',
  'content = NULL',
  'cancelled_by = NULL',
  'cancel_reason = NULL',
  'cancel_confirmed_at = NULL',
  'stop_receipt = NULL',
  'asking_since = NULL',
].map((assignment) => [assignment, undefined]);

/** What becomes of the review whose job moves without an answer: under the same guard, in the same batch, before the move. */
export function noteOnReview(
  key: JobKey,
  verb: JobVerb,
  note: {
    status: 'queued' | 'failed' | 'cancelled';
    now: number;
    error: string | null;
    where: readonly [string, Value][];
  },
): Statement {
  const statuses = TRANSITIONS[verb].from.map((status) => `'${status}'`).join(', ');
  const conditions = ['user_id = ?', 'id = ?', `status IN (${statuses})`, ...note.where.map(([one]) => one)];
  return {
    sql: `UPDATE checkpoints SET status = ?, error = ?, responded_at = ?
          WHERE (user_id, id) IN (SELECT user_id, checkpoint_id FROM jobs WHERE ${conditions.join(' AND ')})`,
    values: [note.status, note.error, note.now, key.userId, key.id, ...note.where.map(([, value]) => value)],
  };
}

interface Archive {
  /** Why the attempt ended, where the row does not say it. */
  error?: string;
  /** Undefined: the outcome of an ended attempt is its status, that of one still held is `revoked`. */
  outcome: 'released' | 'lost' | undefined;
  verb: JobVerb;
  now: number;
  where: readonly [string, Value][];
}

/** Keeps the attempt that the next statement of the batch replaces, under the same guard. */
export function archive(key: JobKey, { outcome, verb, now, where, error }: Archive): Statement {
  const statuses = TRANSITIONS[verb].from.map((status) => `'${status}'`).join(', ');
  const ended = outcome ? `'${outcome}'` : "CASE WHEN finished_at IS NULL THEN 'revoked' ELSE status END";
  const conditions = [
    'user_id = ?',
    'id = ?',
    'lease_id IS NOT NULL',
    `status IN (${statuses})`,
    ...where.map(([one]) => one),
  ];
  return {
    sql: `INSERT OR IGNORE INTO attempts (user_id, job_id, lease_count, attempt, outcome, machine_id, instance, lease_id,
            project_root, orp_session_id, codex_session_id, session_source, fallback_reason, claimed_at, started_at,
            finished_at, failure_kind, error, summary, content)
          SELECT user_id, id, lease_count, attempt, ${ended}, machine_id, instance, lease_id, project_root,
            orp_session_id, codex_session_id, session_source, fallback_reason, claimed_at, started_at,
            coalesce(finished_at, ?), failure_kind, coalesce(error, ?), summary, content
          FROM jobs WHERE ${conditions.join(' AND ')}`,
    values: [now, error ?? null, key.userId, key.id, ...where.map(([, value]) => value)],
  };
}

/** Notes a person's order under the guard of the move that follows it in the batch: both happen, or neither. */
export function auditMove(
  key: JobKey,
  verb: JobVerb,
  order: {
    at: number;
    actor: string;
    source: string;
    detail: string | undefined;
    where: readonly [string, Value][];
  },
): Statement {
  const statuses = TRANSITIONS[verb].from.map((status) => `'${status}'`).join(', ');
  const conditions = ['user_id = ?', 'id = ?', `status IN (${statuses})`, ...order.where.map(([one]) => one)];
  return {
    sql: `INSERT OR IGNORE INTO audit_log (at, user_id, actor, source, action, subject, detail)
          SELECT ?, user_id, ?, ?, '${verb}', id, ? FROM jobs WHERE ${conditions.join(' AND ')}`,
    values: [
      order.at,
      order.actor,
      order.source,
      order.detail,
      key.userId,
      key.id,
      ...order.where.map(([, value]) => value),
    ],
  };
}

/** Runs the statements of a move; the row after it, or undefined when the guard said no. */
export async function move(db: Database, statements: readonly Statement[]): Promise<JobRow | undefined> {
  const results = await db.batch(statements);
  return results.at(-1)?.rows[0] as (JobRow & Row) | undefined;
}
