/**
 * The parts of every move of a job: one guarded update, derived from the transition table. In the same batch and under the
 * same guard, the replaced attempt is archived and the review is updated.
 */

import type { JobVerb } from '../../spec/job/status.ts';
import { TRANSITIONS } from '../../spec/job/status.ts';
import { type Database, join, type Row, raw, type Statement, sql, type Value } from './database.ts';
import { becomes, type FoundJob, guard, type JobKey } from './guard.ts';
import type { JobRow } from './job-row.ts';
import { jobColumns } from './job-row.ts';
import { ATTEMPT_COLUMNS, type AttemptField, type AttemptOutcome, jobs } from './schema.ts';

/** New values by field. A value that is a statement is used as an SQL expression. */
type Assignments = {
  [Field in Exclude<keyof JobRow, 'status'> | 'content' | 'delayed']?: Value | undefined | Statement;
};

/** Moves a job if the guard allows it. Returns the new row. */
export function update(
  key: JobKey | FoundJob,
  verb: JobVerb,
  { set, where }: { set: Assignments; where: readonly Statement[] },
): Statement {
  const assignments = join([becomes(verb), ...assign(set)], ', ');
  return sql`UPDATE jobs SET ${assignments} WHERE ${guard(key, verb, where)} RETURNING ${raw(jobColumns())}`;
}

function assign(set: Assignments): Statement[] {
  const fields = Object.entries(set) as [keyof Assignments, Value | undefined | Statement][];
  return fields.map(([field, value]) => {
    const column = raw(jobs.columns[field].name);
    return value === null || value === undefined ? sql`${column} = NULL` : sql`${column} = ${value}`;
  });
}

const { archived, latestOnly } = ATTEMPT_COLUMNS;

/** Assignments that clear all columns of an attempt. */
export const CLEAR_ATTEMPT = Object.fromEntries(
  [...archived, ...latestOnly].map(({ field }) => [field, null]),
) as Record<AttemptField, null>;

/**
 * Updates the review of a job that moves without an answer. Runs before the move, in the same batch and under the same guard.
 */
export function noteOnReview(
  key: JobKey,
  verb: 'exhaust' | 'expire' | 'cancel' | 'retry',
  note: { now: number; error: string | null; where: readonly Statement[] },
): Statement {
  return sql`
    UPDATE checkpoints SET status = ${TRANSITIONS[verb].to}, error = ${note.error}, responded_at = ${note.now}
    WHERE (user_id, id) IN (SELECT user_id, checkpoint_id FROM jobs WHERE ${guard(key, verb, note.where)})`;
}

interface Archive {
  /** Why the attempt ended, if the row does not contain the reason. */
  error?: string;
  /** If undefined, the outcome of an ended attempt is its status, and the outcome of a held attempt is `revoked`. */
  outcome: Extract<AttemptOutcome, 'released' | 'lost'> | undefined;
  verb: JobVerb;
  now: number;
  where: readonly Statement[];
}

/** Archives the attempt that the next statement of the batch replaces, under the same guard. */
export function archive(key: JobKey, { outcome, verb, now, where, error }: Archive): Statement {
  const ended = outcome
    ? sql`${outcome}`
    : raw("CASE WHEN finished_at IS NULL THEN 'revoked' ELSE status END");
  const defaults: { [Field in AttemptField]?: Value | undefined } = { finishedAt: now, error };
  const values = archived.map(({ field, name }) =>
    field in defaults ? sql`coalesce(${raw(name)}, ${defaults[field]})` : raw(name),
  );
  return sql`
    INSERT OR IGNORE INTO attempts (user_id, job_id, lease_count, attempt, outcome,
      ${raw(archived.map(({ name }) => name).join(', '))})
    SELECT user_id, id, lease_count, attempt, ${ended}, ${join(values, ', ')}
    FROM jobs WHERE ${guard(key, verb, [sql`lease_id IS NOT NULL`, ...where])}`;
}

/**
 * Writes a person's order to the audit log, under the same guard as the following move, so that both happen or neither does.
 */
export function auditMove(
  key: JobKey,
  verb: JobVerb,
  order: {
    at: number;
    actor: string;
    source: string;
    detail: string | undefined;
    where: readonly Statement[];
  },
): Statement {
  return sql`
    INSERT OR IGNORE INTO audit_log (at, user_id, actor, source, action, subject, detail)
    SELECT ${order.at}, user_id, ${order.actor}, ${order.source}, ${verb}, id, ${order.detail}
    FROM jobs WHERE ${guard(key, verb, order.where)}`;
}

/** Runs the statements of a move. Returns the new row, or undefined if the guard matched no row. */
export async function move(db: Database, statements: readonly Statement[]): Promise<JobRow | undefined> {
  const results = await db.batch(statements);
  return results.at(-1)?.rows[0] as (JobRow & Row) | undefined;
}
