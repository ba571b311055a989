/** The reads of a claim: the machine, its live leases, and the queued jobs that it may take. */

import { HELD_STATUSES } from '../../spec/job/status.ts';
import type { Statement } from './database.ts';
import { raw, sql } from './database.ts';
import { mayBe, statusIn } from './guard.ts';
import type { TargetFields } from './job-row.ts';
import { jobColumns } from './job-row.ts';

/** The number of jobs in one read. The next page is read only if none of these jobs fits. */
export const CANDIDATE_PAGE = 50;

export interface CandidatePosition {
  priority: number;
  id: string;
}

/** The fields of a queued job that routing needs. Every claim reads a page of them, so they must be small. */
export type Candidate = TargetFields & CandidatePosition & { userId: string };

interface CandidateQuery {
  machineId: string;
  now: number;
  /** The kinds that the runner knows. */
  kinds: readonly string[];
  after?: CandidatePosition | undefined;
  /** The free places of the machine. If absent, they are unknown, and the query reads all jobs. */
  free?: FreePlaces | undefined;
}

/** Repositories and ideas, each as a list for an SQL statement. */
export interface Places {
  projectRoots: readonly string[];
  ideaIds: readonly string[];
}

/**
 * The places where a job could run now. Jobs for other places are not read, so a long queue for a busy session costs nothing.
 */
export interface FreePlaces {
  /** Places whose primary session is free, for jobs that name no session. */
  open: Places;
  /** Places where any session is free. */
  free: Places;
  /** Sessions that another job occupies. Jobs that name one of these sessions must wait. */
  busy: { orpSessionIds: readonly string[]; codexSessionIds: readonly string[] };
}

/** The condition by which `readCandidates` skips jobs that cannot run now. */
function placeCondition(userId: string, machineId: string, free: FreePlaces | undefined): Statement {
  if (free === undefined) {
    return sql`
      (idea_id IS NULL OR idea_id IN (SELECT idea_id FROM linked_projects
        WHERE user_id = ${userId} AND machine_id = ${machineId}))
      AND (target_project_root IS NULL OR target_project_root IN (SELECT project_root FROM linked_projects
        WHERE user_id = ${userId} AND machine_id = ${machineId}))`;
  }
  const { busy } = free;
  return allOf(
    ' OR ',
    allOf(' AND ', sql`target_orp_session_id IS NULL AND target_codex_session_id IS NULL`, isIn(free.open)),
    allOf(
      ' AND ',
      sql`coalesce(target_orp_session_id, target_codex_session_id) IS NOT NULL`,
      isIn(free.free),
      sql`NOT ((target_orp_session_id IS NULL
          OR target_orp_session_id IN (SELECT value FROM json_each(${JSON.stringify(busy.orpSessionIds)})))
        AND (target_codex_session_id IS NULL
          OR target_codex_session_id IN (SELECT value FROM json_each(${JSON.stringify(busy.codexSessionIds)}))))`,
    ),
  );
}

function isIn({ projectRoots, ideaIds }: Places): Statement {
  return sql`
    (idea_id IS NULL OR idea_id IN (SELECT value FROM json_each(${JSON.stringify(ideaIds)})))
    AND (target_project_root IS NULL
      OR target_project_root IN (SELECT value FROM json_each(${JSON.stringify(projectRoots)})))`;
}

function allOf(word: ' AND ' | ' OR ', ...parts: readonly Statement[]): Statement {
  return {
    sql: `(${parts.map((part) => part.sql).join(word)})`,
    values: parts.flatMap((part) => part.values),
  };
}

/** The condition that limits jobs to the kinds that the runner knows. */
function ofKinds(kinds: readonly string[]): Statement {
  return sql`kind IN (SELECT value FROM json_each(${JSON.stringify(kinds)}))`;
}

/**
 * Reads due queued jobs, in the order of the queue, that this machine may take: jobs that name the machine, and jobs that
 * name no machine.
 */
export function readCandidates(
  userId: string,
  { machineId, now, kinds, after, free }: CandidateQuery,
): Statement {
  const { priority, id } = after ?? { priority: Number.MAX_SAFE_INTEGER, id: '' };
  const place = placeCondition(userId, machineId, free);
  const known = ofKinds(kinds);
  const page = (target: Statement): Statement => ({
    sql: `SELECT ${CANDIDATE} FROM jobs INDEXED BY jobs_live
          WHERE user_id = ? AND finished_at IS NULL AND ${target.sql}
            AND ${mayBe('claim')} AND available_at <= ? AND expires_at > ?
            AND ${place.sql}
            AND (priority < ? OR (priority = ? AND id > ?)) AND ${known.sql}`,
    values: [userId, ...target.values, now, now, ...place.values, priority, priority, id, ...known.values],
  });
  const own = page(sql`target_machine_id = ${machineId}`);
  const any = page(sql`target_machine_id IS NULL`);
  return {
    sql: `${own.sql} UNION ALL ${any.sql} ORDER BY priority DESC, id LIMIT ${CANDIDATE_PAGE}`,
    values: [...own.values, ...any.values],
  };
}

const CANDIDATE = `user_id AS userId, id, priority, idea_id AS ideaId, world_id AS worldId,
  session_fallback AS sessionFallback, target_machine_id AS targetMachineId,
  target_project_root AS targetProjectRoot, target_orp_session_id AS targetOrpSessionId,
  target_codex_session_id AS targetCodexSessionId`;

/** Reads when the next queued job of the account becomes due that this machine may take. */
export function readNextAvailable(
  userId: string,
  { machineId, now, kinds }: Pick<CandidateQuery, 'machineId' | 'now' | 'kinds'>,
): Statement {
  return sql`
    SELECT min(j.available_at) AS at FROM jobs j INDEXED BY jobs_live
    WHERE j.user_id = ${userId} AND j.finished_at IS NULL AND ${raw(mayBe('claim', 'j.'))} AND j.available_at > ${now}
      AND (j.target_machine_id IS NULL OR j.target_machine_id = ${machineId})
      AND EXISTS (SELECT 1 FROM linked_projects p WHERE p.user_id = j.user_id AND p.machine_id = ${machineId}
        AND (j.idea_id IS NULL OR j.idea_id = p.idea_id)
        AND (j.target_project_root IS NULL OR j.target_project_root = p.project_root))
      AND ${ofKinds(kinds)}`;
}

/** Reads all jobs of the account that a machine holds. They show which sessions are busy, and which jobs this machine has. */
export function readHeld(userId: string): Statement {
  return {
    sql: `SELECT ${jobColumns()} FROM jobs INDEXED BY jobs_live
          WHERE user_id = ? AND finished_at IS NULL AND ${statusIn(HELD_STATUSES)}`,
    values: [userId],
  };
}

export function readMachine(machineId: string): Statement {
  return sql`SELECT user_id AS userId, name, last_seen_at AS lastSeenAt, draining, abilities FROM machines WHERE id = ${machineId}`;
}
