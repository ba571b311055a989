/** Machines and what they last synced. */

import type { UserId } from '../../spec/ids.ts';
import type { SyncedProject, SyncedSession } from '../../spec/job/routing.ts';
import type { MachinePresence } from '../../spec/job/waiting.ts';
import type { Database, Statement } from './database.ts';
import { sql } from './database.ts';
import { linkedProjects, machines } from './schema.ts';
import { selectList } from './select-list.ts';

export type MachineRow = Omit<typeof machines.$inferSelect, 'firstSeenAt' | 'staleAt'>;

const COLUMNS = selectList(machines, { without: ['firstSeenAt', 'staleAt'] });

export function findMachine(db: Database, id: string): Promise<MachineRow | undefined> {
  return db.first<MachineRow>({ sql: `SELECT ${COLUMNS} FROM machines WHERE id = ?`, values: [id] });
}

/** The machines of an account, or the one of them that is named. */
export function readMachinesOf(userId: string, machineId?: string | undefined): Statement {
  const one = machineId === undefined ? '' : ' AND id = ?';
  return {
    sql: `SELECT ${COLUMNS} FROM machines WHERE user_id = ?${one}`,
    values: [userId, ...given(machineId)],
  };
}

export interface SeenMachine {
  id: string;
  userId: UserId;
  name: string;
  platform?: string | undefined;
  appVersion?: string | undefined;
  now: number;
  syncedAt?: number | undefined;
}

/** Registers a machine, or renews what is known of it; the guard keeps it with its first account. */
export function upsertIfOwned(db: Database, machine: SeenMachine): Promise<boolean> {
  const { id, userId, name, platform, appVersion, now, syncedAt } = machine;
  return db.write(sql`
    INSERT INTO machines (id, user_id, name, platform, app_version, first_seen_at, last_seen_at, last_sync_at)
    VALUES (${id}, ${userId}, ${name}, ${platform ?? 'unknown'}, ${appVersion ?? 'unknown'}, ${now}, ${now}, ${syncedAt})
    ON CONFLICT (id) DO UPDATE SET name = ${name}, platform = coalesce(${platform}, platform),
      app_version = coalesce(${appVersion}, app_version), last_seen_at = max(last_seen_at, ${now}), stale_at = NULL,
      last_sync_at = coalesce(${syncedAt}, last_sync_at)
    WHERE machines.user_id = ${userId}`);
}

export interface ListeningChange {
  userId: string;
  machineId: string;
  listening: { transport: 'ws' | 'sse'; instance: string } | undefined;
  now: number;
}

/** Notes how a machine listens; a channel of the same transport and instance keeps its `since` and writes nothing. */
export function setListeningIfChanged(
  db: Database,
  { userId, machineId, listening, now }: ListeningChange,
): Promise<boolean> {
  const { transport, instance } = listening ?? {};
  return db.write(sql`
    UPDATE machines SET listening_transport = ${transport}, listening_instance = ${instance},
      listening_since = ${listening === undefined ? undefined : now}, last_seen_at = max(last_seen_at, ${now}), stale_at = NULL
    WHERE id = ${machineId} AND user_id = ${userId}
      AND (listening_transport IS NOT ${transport} OR listening_instance IS NOT ${instance})`);
}

export type ProjectRow = Omit<typeof linkedProjects.$inferSelect, 'userId' | 'syncedAt'>;

/** Repositories of an account; of one machine, for one idea, when they are named. */
export function readProjectsOf(
  userId: string,
  { machineId, ideaId }: { machineId?: string | undefined; ideaId?: string | undefined } = {},
): Statement {
  const conditions = ['user_id = ?'];
  if (machineId !== undefined) conditions.push('machine_id = ?');
  if (ideaId !== undefined) conditions.push('idea_id = ?');
  return {
    sql: `SELECT ${selectList(linkedProjects, { without: ['userId', 'syncedAt'] })}
          FROM linked_projects WHERE ${conditions.join(' AND ')}`,
    values: [userId, ...given(machineId), ...given(ideaId)],
  };
}

function given(value: string | undefined): string[] {
  return value === undefined ? [] : [value];
}

export function putProject(userId: UserId, project: ProjectRow, now: number): Statement {
  return sql`
    INSERT INTO linked_projects (user_id, machine_id, project_root, idea_id, idea_title, world_id, world_name,
                                 project_name, github_url, synced_at, sessions)
    VALUES (${userId}, ${project.machineId}, ${project.projectRoot}, ${project.ideaId}, ${project.ideaTitle},
            ${project.worldId}, ${project.worldName}, ${project.projectName}, ${project.githubUrl}, ${now},
            ${project.sessions})
    ON CONFLICT (user_id, machine_id, project_root, idea_id) DO UPDATE SET idea_title = excluded.idea_title,
      world_id = excluded.world_id, world_name = excluded.world_name, project_name = excluded.project_name,
      github_url = excluded.github_url, synced_at = excluded.synced_at, sessions = excluded.sessions`;
}

export function dropProject(
  userId: UserId,
  project: Pick<ProjectRow, 'machineId' | 'projectRoot' | 'ideaId'>,
): Statement {
  return sql`
    DELETE FROM linked_projects WHERE user_id = ${userId} AND machine_id = ${project.machineId}
      AND project_root = ${project.projectRoot} AND idea_id = ${project.ideaId}`;
}

/** The row as the routing rules read it. */
export function toSyncedProject(row: ProjectRow): SyncedProject {
  return {
    machineId: row.machineId,
    projectRoot: row.projectRoot,
    ideaId: row.ideaId,
    worldId: row.worldId ?? undefined,
    sessions: JSON.parse(row.sessions) as SyncedSession[],
  };
}

/** The row as the waiting rule reads it. */
export function toPresence(row: MachineRow): MachinePresence {
  return {
    machineId: row.id,
    name: row.name,
    lastSeenAt: row.lastSeenAt,
    listening: row.listeningTransport !== null,
    draining: row.draining === 1,
  };
}

/**
 * Machines, besides the one that held the job, that have linked the agent session it was in, and for which something is
 * queued that may be meant for them. The queue is read only where a session is shared.
 */
export function readSharers(userId: string, jobId: string): Statement {
  return sql`
    SELECT DISTINCT p.machine_id AS machineId
    FROM jobs j JOIN linked_projects p ON p.user_id = j.user_id AND p.machine_id <> j.machine_id
    WHERE j.user_id = ${userId} AND j.id = ${jobId}
      AND instr(p.sessions, '"codexSessionId":' || json_quote(j.codex_session_id)) > 0
      AND EXISTS (SELECT 1 FROM jobs q INDEXED BY jobs_live
        WHERE q.user_id = j.user_id AND q.finished_at IS NULL AND q.status = 'queued'
          AND q.available_at <= j.finished_at
          AND (q.target_machine_id IS NULL OR q.target_machine_id = p.machine_id)
          AND (q.idea_id IS NULL OR q.idea_id = p.idea_id)
          AND (q.target_project_root IS NULL OR q.target_project_root = p.project_root))`;
}
