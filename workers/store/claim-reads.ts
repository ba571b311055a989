/**
 * The reads of a claim: the machine, the jobs that are held, and the first job of each lane that the machine may take.
 *
 * The database derives `place` and `lane` of a live job from its row (migration 0017). All queued jobs of a lane have the
 * same target and kind, so they have the same routes: if the first of them cannot run, no other can.
 */

import type { Statement } from './database.ts';
import { eachOf, raw, sql } from './database.ts';
import { isHeldJob, mayBe } from './guard.ts';
import type { JobRow, TargetFields } from './job-row.ts';
import { jobColumns } from './job-row.ts';
import { readHeldNear } from './linked-projects.ts';

/** The number of lanes in one read. The next page is read only if no job of these lanes fits. */
export const CANDIDATE_PAGE = 50;

export interface CandidatePosition {
  priority: number;
  id: string;
}

/** A lane of an account. */
export interface LaneKey {
  userId: string;
  place: string;
  lane: string;
}

/** The first job of a lane, with the fields that routing needs. */
export type Candidate = LaneKey & TargetFields & CandidatePosition & Pick<JobRow, 'kind'>;

interface LaneQuery {
  machineId: string;
  now: number;
}

/**
 * Clocks of Workers and objects may differ by this much. A job that was due when it was queued can be claimed at once, even
 * if the clock of the machine's object is behind.
 */
const CLOCK_SKEW_MS = 1000;

/** How many due jobs a poll moves to their lanes at most. The next poll moves the others. */
const MOVED_AT_ONCE = 50;

/**
 * The places whose jobs the machine may take: jobs that name it, jobs that name one of its repositories or ideas and no
 * machine, and jobs that name none of these. `state` is `later` for jobs that are not due.
 */
function placesOf(state: 'ready' | 'later', userId: string, machineId: string): Statement {
  const linked = (place: Statement) =>
    sql`SELECT ${`${state} `} || ${place} FROM linked_projects WHERE user_id = ${userId} AND machine_id = ${machineId}`;
  return sql`
    SELECT ${`${state} machine ${machineId}`} AS place UNION ALL SELECT ${`${state} any`}
    UNION ALL ${linked(raw("'root ' || project_root"))} UNION ALL ${linked(raw("'idea ' || idea_id"))}`;
}

/** The jobs of a lane or a place that may be claimed, in the order of the queue. */
function claimable(userId: string, { place, now }: { place: Statement; now: number }): Statement {
  return sql`FROM jobs INDEXED BY jobs_live WHERE user_id = ${userId} AND finished_at IS NULL AND ${place}
    AND available_at <= ${now + CLOCK_SKEW_MS} AND expires_at > ${now}`;
}

/**
 * Reads the first claimable job of each lane, in the order of the queue. The lanes of a place are found one after another
 * through the index, so the length of a lane does not matter. If `after` is set, it reads the jobs after that position.
 */
export function readCandidates(
  userId: string,
  { machineId, now, after }: LaneQuery & { after?: CandidatePosition | undefined },
): Statement {
  const first = (place: Statement) => sql`
    h.user_id = ${userId} AND h.id = (SELECT id ${claimable(userId, { place, now })} ORDER BY lane, priority DESC, id LIMIT 1)`;
  const { priority, id } = after ?? { priority: Number.MAX_SAFE_INTEGER, id: '' };
  return sql`
    WITH RECURSIVE heads AS (
      SELECT ${raw(HEAD)} FROM (${placesOf('ready', userId, machineId)}) p
        CROSS JOIN jobs h ON ${first(raw('place = p.place'))}
      UNION
      SELECT ${raw(HEAD)} FROM heads p CROSS JOIN jobs h ON ${first(raw('place = p.place AND lane > p.lane'))})
    SELECT * FROM heads WHERE priority < ${priority} OR (priority = ${priority} AND id > ${id})
    ORDER BY priority DESC, id LIMIT ${CANDIDATE_PAGE}`;
}

const HEAD = `h.user_id AS userId, h.id, h.place, h.lane, h.priority, h.kind, h.idea_id AS ideaId, h.world_id AS worldId,
  h.session_fallback AS sessionFallback, h.target_machine_id AS targetMachineId,
  h.target_project_root AS targetProjectRoot, h.target_orp_session_id AS targetOrpSessionId,
  h.target_codex_session_id AS targetCodexSessionId`;

/** An expression for the id of the first claimable job of a lane, for use in the claim itself. */
export function firstOfLane({ userId, place, lane }: LaneKey, now: number): Statement {
  const here = sql`place = ${place} AND lane = ${lane} AND ${raw(mayBe('claim'))}`;
  return sql`(SELECT id ${claimable(userId, { place: here, now })} ORDER BY priority DESC, id LIMIT 1)`;
}

/** Reads the first claimable job of a lane. */
export function readFirstOfLane(lane: LaneKey, now: number): Statement {
  return sql`SELECT ${raw(HEAD)} FROM jobs h WHERE h.user_id = ${lane.userId} AND h.id = ${firstOfLane(lane, now)}`;
}

/** Returns whether the queue has `one` before `other`. */
export function isBefore(one: CandidatePosition, other: CandidatePosition): boolean {
  return one.priority > other.priority || (one.priority === other.priority && one.id < other.id);
}

/** The condition that the queue has a job before this position. */
export function isBeforeIt({ priority, id }: CandidatePosition): Statement {
  return sql`(priority > ${priority} OR (priority = ${priority} AND id < ${id}))`;
}

/** The condition that a queued job is due, for the claim. */
export function isDue(now: number): Statement {
  return sql`available_at <= ${now + CLOCK_SKEW_MS} AND expires_at > ${now}`;
}

/** Moves jobs that have become due to their lanes. This writes a row only for jobs that were queued for later. */
export function moveDue(userId: string, { machineId, now }: LaneQuery): Statement {
  return sql`
    UPDATE jobs SET delayed = 0 WHERE user_id = ${userId} AND ${raw(mayBe('claim'))} AND id IN (
      SELECT j.id FROM (${placesOf('later', userId, machineId)}) p CROSS JOIN jobs j INDEXED BY jobs_live
        ON ${firstLater(userId)} <= printf('%015d', ${now})
        AND j.user_id = ${userId} AND j.finished_at IS NULL AND j.place = p.place AND j.lane <= printf('%015d', ${now})
      LIMIT ${MOVED_AT_ONCE})`;
}

/** The due time of the first job in the place `p`. */
function firstLater(userId: string): Statement {
  return sql`(SELECT lane FROM jobs INDEXED BY jobs_live
    WHERE user_id = ${userId} AND finished_at IS NULL AND place = p.place ORDER BY lane LIMIT 1)`;
}

/** Reads when the next job becomes due that this machine may take, as `at`. The time is past if `moveDue` has work. */
export function readNextDue(userId: string, machineId: string): Statement {
  return sql`
    SELECT CAST(min(${firstLater(userId)}) AS INTEGER) AS at FROM (${placesOf('later', userId, machineId)}) p`;
}

/**
 * Reads the jobs that occupy the sessions of a machine, and the jobs that it holds. `own` has the ids of those if they are
 * known. Otherwise all held jobs of the account are read, because a machine may have removed the session of a job that it
 * holds.
 */
export function readHeld(
  { userId, machineId }: { userId: string; machineId: string },
  own: readonly string[] | undefined,
): Statement {
  if (own === undefined)
    return sql`SELECT ${raw(jobColumns())} FROM jobs INDEXED BY jobs_live WHERE user_id = ${userId} AND ${raw(isHeldJob())}`;
  const near = readHeldNear(userId, { near: { machineIds: [machineId] }, columns: jobColumns });
  return sql`${near} UNION ALL SELECT ${raw(jobColumns('h.'))} FROM ${eachOf(own)} own
    CROSS JOIN jobs h ON h.user_id = ${userId} AND h.id = own.value AND ${raw(isHeldJob('h.'))}`;
}

/** The condition that no machine holds a job of this agent session. */
export function isSessionFree(userId: string, codexSessionId: string): Statement {
  return sql`NOT EXISTS (SELECT 1 FROM jobs other INDEXED BY jobs_live
    WHERE other.user_id = ${userId} AND ${raw(isHeldJob('other.'))} AND other.lane = ${codexSessionId})`;
}

export function readMachine(machineId: string): Statement {
  return sql`SELECT user_id AS userId, name, last_seen_at AS lastSeenAt, draining, abilities FROM machines WHERE id = ${machineId}`;
}
