/**
 * The conditions that limit which jobs a statement may change, by status. They come from the transition table. No other
 * statement in this folder names a status of a job; a test checks that in the sources.
 */

import type { JobKind } from '../../spec/job/kinds.ts';
import type { JobStatus, JobVerb } from '../../spec/job/status.ts';
import { HELD_STATUSES, TRANSITIONS } from '../../spec/job/status.ts';
import { join, raw, type Statement, sql } from './database.ts';

/** The key of a job: its id and its account. */
export interface JobKey {
  userId: string;
  id: string;
}

/** A job of an account. The statement finds it with an SQL expression for its id. */
export interface FoundJob {
  userId: string;
  id: Statement;
}

/** The guard of a move: this job, in a status from which the verb is allowed, and further conditions. */
export function guard(key: JobKey | FoundJob, verb: JobVerb, where: readonly Statement[] = []): Statement {
  return guardIn(key, TRANSITIONS[verb].from, where);
}

/** The assignment of the new status. */
export function becomes(verb: JobVerb): Statement {
  return raw(`status = '${TRANSITIONS[verb].to}'`);
}

/** The guard of a write that changes no status. */
export function guardIn(
  key: JobKey | FoundJob,
  statuses: readonly JobStatus[],
  where: readonly Statement[] = [],
): Statement {
  return join(
    [sql`user_id = ${key.userId}`, sql`id = ${key.id}`, raw(statusIn(statuses)), ...where],
    ' AND ',
  );
}

/** The condition that the verb is allowed. `prefix` names the table in a join. */
export function mayBe(verb: JobVerb, prefix = ''): string {
  return statusIn(TRANSITIONS[verb].from, prefix);
}

/** The condition that a job has one of these kinds. */
export function kindIn(kinds: readonly JobKind[]): string {
  return `kind IN (${kinds.map((kind) => `'${kind}'`).join(', ')})`;
}

export function statusIn(statuses: readonly JobStatus[], prefix = ''): string {
  return `${prefix}status IN (${statuses.map((status) => `'${status}'`).join(', ')})`;
}

/** The condition that a machine holds the job. `prefix` names the table in a join. */
export function isHeldJob(prefix = ''): string {
  return `${prefix}finished_at IS NULL AND ${prefix}place = 'held' AND ${statusIn(HELD_STATUSES, prefix)}`;
}
