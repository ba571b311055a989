/**
 * Which jobs a statement may touch, by status. The conditions come from the transition table, which is the only authority:
 * no other statement here names a status of a job, and a test reads the sources to prove it.
 */

import type { JobKind } from '../../spec/job/kinds.ts';
import type { JobStatus, JobVerb } from '../../spec/job/status.ts';
import { TRANSITIONS } from '../../spec/job/status.ts';
import { join, raw, type Statement, sql } from './database.ts';

/** Which job, and whose. */
export interface JobKey {
  userId: string;
  id: string;
}

/** The guard of a move: this job, in a status that the verb may leave, and whatever else must hold. */
export function guard(key: JobKey, verb: JobVerb, where: readonly Statement[] = []): Statement {
  return guardIn(key, TRANSITIONS[verb].from, where);
}

/** The assignment of a move. */
export function becomes(verb: JobVerb): Statement {
  return raw(`status = '${TRANSITIONS[verb].to}'`);
}

/** The guard of a write that changes no status. */
export function guardIn(
  key: JobKey,
  statuses: readonly JobStatus[],
  where: readonly Statement[] = [],
): Statement {
  return join(
    [sql`user_id = ${key.userId}`, sql`id = ${key.id}`, raw(statusIn(statuses)), ...where],
    ' AND ',
  );
}

/** The condition that the verb may be applied; `prefix` names the table where two are joined. */
export function mayBe(verb: JobVerb, prefix = ''): string {
  return statusIn(TRANSITIONS[verb].from, prefix);
}

/** The condition that a job is of one of these kinds. The names come from the table of kinds. */
export function kindIn(kinds: readonly JobKind[]): string {
  return `kind IN (${kinds.map((kind) => `'${kind}'`).join(', ')})`;
}

export function statusIn(statuses: readonly JobStatus[], prefix = ''): string {
  return `${prefix}status IN (${statuses.map((status) => `'${status}'`).join(', ')})`;
}
