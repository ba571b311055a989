/**
 * The data of the last syncs: one row for each repository and idea, and one row with the sessions of each repository. Every
 * read is filtered, so its cost does not depend on other linked repositories of the account.
 */

import { PLATFORM, utf8Length } from '../../spec/bounds.ts';
import type { UserId } from '../../spec/ids.ts';
import type { JobTarget, SyncedProject, SyncedSession } from '../../spec/job/routing.ts';
import type { Database, Row, Statement } from './database.ts';
import { eachOf, join, raw, rowsOf, sql } from './database.ts';
import { isHeldJob, mayBe } from './guard.ts';
import { linkedProjects, linkedSessions } from './schema.ts';
import { type RowOf, selectList } from './table.ts';

export type ProjectRow = Omit<RowOf<typeof linkedProjects>, 'userId' | 'syncedAt'>;
export type SessionsRow = Omit<RowOf<typeof linkedSessions>, 'userId' | 'syncedAt'>;

/** The filter for linked repositories. An absent field matches any value. */
export interface LinkFilter {
  machineIds?: readonly string[] | undefined;
  projectRoots?: readonly string[] | undefined;
  ideaIds?: readonly string[] | undefined;
}

/** The filter for the repositories that these targets can match. A target without any value needs all repositories. */
export function linksOf(
  targets: readonly Pick<JobTarget, 'machineId' | 'projectRoot' | 'ideaId'>[],
): LinkFilter {
  const named = (values: readonly (string | undefined)[]) => {
    const known = values.filter((value) => value !== undefined);
    return known.length === values.length ? [...new Set(known)] : undefined;
  };
  return {
    machineIds: named(targets.map((target) => target.machineId)),
    projectRoots: named(targets.map((target) => target.projectRoot)),
    ideaIds: named(targets.map((target) => target.ideaId)),
  };
}

/** Two statements for one batch, for the repositories and for their sessions. `toSyncedProjects` joins the results. */
export function readLinks(userId: string, filter: LinkFilter = {}): [Statement, Statement] {
  const columns = (table: typeof linkedProjects | typeof linkedSessions) =>
    raw(selectList(table, { without: ['userId', 'syncedAt'] }));
  return [
    sql`SELECT ${columns(linkedProjects)} ${linkedIn(userId, filter)}`,
    sql`SELECT ${columns(linkedSessions)} ${sessionsIn(userId, filter)}`,
  ];
}

function linkedIn(userId: string, filter: LinkFilter): Statement {
  const projects = conditionsOf(userId, filter, ['machineIds', 'projectRoots', 'ideaIds']);
  // Without statistics, the planner would use the primary key and read every repository of the account.
  const byIdea =
    filter.ideaIds !== undefined && filter.machineIds === undefined
      ? raw(' INDEXED BY linked_projects_of_idea')
      : raw('');
  return sql`FROM ${machinesOf(filter)} linked_projects${byIdea} WHERE ${projects}`;
}

/** The rows with the sessions of the repositories that match, from `FROM` on, for use in a statement. */
function sessionsIn(userId: string, filter: LinkFilter): Statement {
  if (filter.ideaIds === undefined)
    return sql`FROM ${machinesOf(filter)} linked_sessions
      WHERE ${conditionsOf(userId, filter, ['machineIds', 'projectRoots'])}`;
  // The key of each row is known from the repositories of the idea.
  return sql`FROM (SELECT DISTINCT machine_id AS machine, project_root AS root ${linkedIn(userId, filter)}) linked
    CROSS JOIN linked_sessions ON user_id = ${userId} AND machine_id = linked.machine AND project_root = linked.root`;
}

/** A join with each of several machines, so that only their rows are read. */
function machinesOf({ machineIds = [] }: LinkFilter): Statement {
  return machineIds.length < 2 ? raw('') : sql`${eachOf(machineIds)} one CROSS JOIN`;
}

const COLUMN_OF = { machineIds: 'machine_id', projectRoots: 'project_root', ideaIds: 'idea_id' } as const;

/** The conditions of a filter, in a statement that joins with `machinesOf`. */
function conditionsOf(
  userId: string,
  filter: LinkFilter,
  fields: readonly (keyof typeof COLUMN_OF)[],
): Statement {
  const conditions = fields.flatMap((field) => {
    const wanted = filter[field];
    if (wanted === undefined) return [];
    const column = raw(COLUMN_OF[field]);
    if (wanted.length === 1) return [sql`${column} = ${wanted[0]}`];
    if (field === 'machineIds' && wanted.length > 1) return [sql`${column} = one.value`];
    return [sql`${column} IN (SELECT value FROM ${eachOf(wanted)})`];
  });
  return join([sql`user_id = ${userId}`, ...conditions], ' AND ');
}

/** Converts the results of `readLinks` for the routing rules. */
export function toSyncedProjects(
  projects: { rows: readonly Row[] } | undefined,
  sessions: { rows: readonly Row[] } | undefined,
): SyncedProject[] {
  const sessionsOf = new Map(
    rowsOf<SessionsRow>(sessions).map((row) => [
      placeOf(row),
      JSON.parse(row.sessions) as (SyncedSession & { ideaId?: string })[],
    ]),
  );
  return rowsOf<ProjectRow>(projects).map((row) => ({
    machineId: row.machineId,
    projectRoot: row.projectRoot,
    ideaId: row.ideaId,
    worldId: row.worldId ?? undefined,
    sessions: forIdea(sessionsOf.get(placeOf(row)) ?? [], row.ideaId),
  }));
}

/** Returns the sessions for an idea. A session without an idea belongs to every idea. Returns the same list if all match. */
function forIdea(sessions: SyncedSession[], ideaId: string): SyncedSession[] {
  const isOurs = (session: SyncedSession) => session.ideaId === undefined || session.ideaId === ideaId;
  return sessions.every(isOurs) ? sessions : sessions.filter(isOurs);
}

function placeOf({ machineId, projectRoot }: Pick<ProjectRow, 'machineId' | 'projectRoot'>): string {
  return `${machineId}\n${projectRoot}`;
}

/** Returns whether some machine of the account has linked this idea, or this world. */
export async function isLinked(
  db: Database,
  userId: UserId,
  { ideaId, worldId }: { ideaId?: string | undefined; worldId?: string | undefined },
): Promise<boolean> {
  const found = await db.first(sql`
    SELECT 1 FROM linked_projects WHERE user_id = ${userId}
      AND (${ideaId} IS NULL OR idea_id = ${ideaId}) AND (${worldId} IS NULL OR world_id = ${worldId}) LIMIT 1`);
  return found !== undefined;
}

/**
 * The writes of a sync. One statement writes many rows, because D1 allows at most 1,000 statements per request, including
 * those of a batch. A sync that reaches D1 late does not change rows of a newer sync.
 */
export function putProjects(userId: UserId, rows: readonly ProjectRow[], now: number): Statement[] {
  return inPieces(rows).map(
    (json) => sql`
      INSERT INTO linked_projects (user_id, machine_id, project_root, idea_id, idea_title, world_id, world_name,
                                   project_name, github_url, synced_at)
      SELECT ${userId}, value ->> 'machineId', value ->> 'projectRoot', value ->> 'ideaId', value ->> 'ideaTitle',
             value ->> 'worldId', value ->> 'worldName', value ->> 'projectName', value ->> 'githubUrl', ${now}
      FROM json_each(${json}) WHERE true
      ON CONFLICT (user_id, machine_id, project_root, idea_id) DO UPDATE SET idea_title = excluded.idea_title,
        world_id = excluded.world_id, world_name = excluded.world_name, project_name = excluded.project_name,
        github_url = excluded.github_url, synced_at = excluded.synced_at
      WHERE linked_projects.synced_at <= excluded.synced_at`,
  );
}

export function dropProjects(
  userId: UserId,
  rows: readonly Pick<ProjectRow, 'machineId' | 'projectRoot' | 'ideaId'>[],
  now: number,
): Statement[] {
  return inPieces(rows).map(
    (json) => sql`
      DELETE FROM linked_projects WHERE synced_at <= ${now} AND (user_id, machine_id, project_root, idea_id) IN
        (SELECT ${userId}, value ->> 'machineId', value ->> 'projectRoot', value ->> 'ideaId' FROM json_each(${json}))`,
  );
}

export function putSessions(userId: UserId, rows: readonly SessionsRow[], now: number): Statement[] {
  return inPieces(rows).map(
    (json) => sql`
      INSERT INTO linked_sessions (user_id, machine_id, project_root, synced_at, sessions)
      SELECT ${userId}, value ->> 'machineId', value ->> 'projectRoot', ${now}, value ->> 'sessions'
      FROM json_each(${json}) WHERE true
      ON CONFLICT (user_id, machine_id, project_root) DO UPDATE SET
        synced_at = excluded.synced_at, sessions = excluded.sessions
      WHERE linked_sessions.synced_at <= excluded.synced_at`,
  );
}

export function dropSessions(
  userId: UserId,
  rows: readonly Pick<SessionsRow, 'machineId' | 'projectRoot'>[],
  now: number,
): Statement[] {
  return inPieces(rows).map(
    (json) => sql`
      DELETE FROM linked_sessions WHERE synced_at <= ${now} AND (user_id, machine_id, project_root) IN
        (SELECT ${userId}, value ->> 'machineId', value ->> 'projectRoot' FROM json_each(${json}))`,
  );
}

/** Splits rows into JSON arrays that are small enough for one statement. A row that is too large has its own array. */
function inPieces(rows: readonly object[]): string[] {
  const pieces: string[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    const json = JSON.stringify(row);
    const size = utf8Length(json) + 1;
    if (bytes + size > PIECE_BYTES) {
      pieces.push([]);
      bytes = 0;
    }
    pieces.at(-1)?.push(json);
    bytes += size;
  }
  return pieces.map((piece) => `[${piece.join(',')}]`);
}

/** Half of the maximum size of a statement's values. */
const PIECE_BYTES = PLATFORM.statementValueBytes / 2;

/**
 * Counts the linked repositories of the account's other machines, or of all its machines if `machineId` is empty: one row with
 * `projects` and `bytes`.
 */
export function readLinkedElsewhere(userId: string, machineId: string): Statement {
  return sql`
    SELECT count(*) AS projects,
      coalesce(sum(octet_length(concat(project_root, idea_id, idea_title, world_id, world_name, project_name, github_url))), 0)
      + (SELECT coalesce(sum(octet_length(sessions)), 0) FROM linked_sessions
        WHERE user_id = ${userId} AND machine_id <> ${machineId}) AS bytes
    FROM linked_projects WHERE user_id = ${userId} AND machine_id <> ${machineId}`;
}

/**
 * Finds the other machines that have linked the agent session of a job and for which jobs are queued. Reads the queue only
 * if a session is shared.
 */
export function readSharers(userId: string, jobId: string): Statement {
  return sql`
    SELECT DISTINCT s.machine_id AS machineId
    FROM jobs j JOIN linked_sessions s ON s.user_id = j.user_id AND s.machine_id <> j.machine_id
    WHERE j.user_id = ${userId} AND j.id = ${jobId}
      AND instr(s.sessions, '"codexSessionId":' || json_quote(j.codex_session_id)) > 0
      AND EXISTS (SELECT 1 FROM jobs q INDEXED BY jobs_live
        WHERE q.user_id = j.user_id AND q.finished_at IS NULL AND ${raw(mayBe('claim', 'q.'))} AND q.place IN (
          SELECT 'ready any' UNION ALL SELECT 'ready machine ' || s.machine_id
          UNION ALL SELECT 'ready root ' || s.project_root
          UNION ALL SELECT 'ready idea ' || p.idea_id FROM linked_projects p WHERE p.user_id = s.user_id
            AND p.machine_id = s.machine_id AND p.project_root = s.project_root))`;
}

/** Finds the machines except `machineId` that have linked an agent session, which may be free for them now. */
export function readSharersOf(
  userId: string,
  held: { machineId: string | null; codexSessionId: string | null },
): Statement {
  return sql`
    SELECT DISTINCT machine_id AS machineId FROM linked_sessions
    WHERE user_id = ${userId} AND machine_id <> ${held.machineId}
      AND instr(sessions, '"codexSessionId":' || json_quote(${held.codexSessionId})) > 0`;
}

/** If an account holds at most this many jobs, the read includes all of them, regardless of their sessions. */
const FEW_HELD = 1;

/**
 * Reads the jobs that machines of the account hold, to find out which sessions are busy. If there are more than a few, it
 * reads a few, and those in the sessions of these linked repositories. So the cost does not depend on what other machines
 * do. It may return a job twice.
 */
export function readHeldNear(
  userId: string,
  { near, columns }: { near: LinkFilter; columns: (prefix: string) => string },
): Statement {
  const listed = raw(columns('h.'));
  const held = sql`jobs h INDEXED BY jobs_live ON h.user_id = ${userId} AND ${raw(isHeldJob('h.'))}`;
  return sql`
    SELECT * FROM (SELECT ${listed} FROM (SELECT 1) CROSS JOIN ${held} LIMIT ${FEW_HELD})
    UNION ALL
    SELECT ${listed} FROM (SELECT 1 FROM jobs INDEXED BY jobs_live
        WHERE user_id = ${userId} AND finished_at IS NULL AND place = 'held' LIMIT 1 OFFSET ${FEW_HELD}) more
      CROSS JOIN (SELECT sessions ${sessionsIn(userId, near)}) s
      CROSS JOIN json_each(s.sessions) one CROSS JOIN ${held} AND h.lane = one.value ->> 'codexSessionId'`;
}
