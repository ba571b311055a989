/** Workspaces with their last state, and their events. Every statement names the owner. */

import type { AccountLimits } from '../../spec/bounds.ts';
import { BOUNDS, utf8Length } from '../../spec/bounds.ts';
import type { UserId } from '../../spec/ids.ts';
import { hasRoom } from './account-usage.ts';
import { type Database, raw, type Statement, sql } from './database.ts';
import { workspaces } from './idea-schema.ts';
import { type RowOf, selectList } from './table.ts';

/** A workspace without its state, and with the title of its idea. */
export type WorkspaceRow = Omit<RowOf<typeof workspaces>, 'userId' | 'state'> & {
  ideaTitle: string | null;
};
export type WholeWorkspaceRow = WorkspaceRow & { state: string };

const COLUMNS = `${selectList(workspaces, { without: ['userId', 'state'], prefix: 'w.' })}, i.title AS ideaTitle`;
const IDEA = 'LEFT JOIN ideas i ON i.user_id = w.user_id AND i.id = w.idea_id AND i.deleted_at IS NULL';

/** Reads workspaces, newest first. `before` is the id of the last workspace of the previous page. */
export function readWorkspaces(
  userId: UserId,
  { limit, before }: { limit: number; before: string | undefined },
): Statement {
  const older = before === undefined ? sql`` : sql`AND w.id < ${before}`;
  return sql`
    SELECT ${raw(COLUMNS)} FROM workspaces w ${raw(IDEA)}
    WHERE w.user_id = ${userId} ${older} ORDER BY w.id DESC LIMIT ${limit}`;
}

export function readWorkspace(userId: UserId, id: string): Statement {
  return sql`
    SELECT ${raw(COLUMNS)}, w.state FROM workspaces w ${raw(IDEA)} WHERE w.user_id = ${userId} AND w.id = ${id}`;
}

export type NewWorkspace = Omit<WholeWorkspaceRow, 'ideaTitle'>;

/** Adds a workspace. Returns false if the account has no room for another. */
export function insertWorkspaceIfRoom(
  db: Database,
  userId: UserId,
  { workspace: w, limits }: { workspace: NewWorkspace; limits: AccountLimits },
): Promise<boolean> {
  const room = hasRoom(userId, { storedBytes: utf8Length(w.state) }, limits);
  return db.write(sql`
    INSERT INTO workspaces (user_id, id, title, description, visibility, idea_id, relationship, created_at, updated_at,
                            state_version, snapshot_id, state_at, tab_count, state)
    SELECT ${userId}, ${w.id}, ${w.title}, ${w.description}, ${w.visibility}, ${w.ideaId}, ${w.relationship},
           ${w.createdAt}, ${w.updatedAt}, ${w.stateVersion}, ${w.snapshotId}, ${w.stateAt}, ${w.tabCount},
           ${w.state}
    WHERE (SELECT count(*) FROM workspaces WHERE user_id = ${userId}) < ${BOUNDS.workspaces} AND ${room}`);
}

/** Changes the description of a workspace, if it is unchanged since it was read. */
export function updateWorkspaceIfUnchanged(
  db: Database,
  userId: UserId,
  w: Omit<WorkspaceRow, 'ideaTitle'> & { readAt: number },
): Promise<boolean> {
  return db.write(sql`
    UPDATE workspaces SET title = ${w.title}, description = ${w.description}, visibility = ${w.visibility},
      idea_id = ${w.ideaId}, relationship = ${w.relationship}, updated_at = ${w.updatedAt}
    WHERE user_id = ${userId} AND id = ${w.id} AND updated_at = ${w.readAt}`);
}

export interface NewState {
  id: string;
  snapshotId: string;
  now: number;
  tabCount: number;
  state: string;
  /** The bytes that the state has more than the one before. */
  added: number;
}

/** Replaces the state, if the account has room, and returns the new version. */
export function replaceStateIfRoom(userId: UserId, next: NewState, limits: AccountLimits): Statement {
  return sql`
    UPDATE workspaces SET state_version = state_version + 1, snapshot_id = ${next.snapshotId}, state_at = ${next.now},
      tab_count = ${next.tabCount}, state = ${next.state}, updated_at = max(updated_at + 1, ${next.now})
    WHERE user_id = ${userId} AND id = ${next.id} AND ${hasRoom(userId, { storedBytes: next.added }, limits)}
    RETURNING state_version AS stateVersion`;
}

export interface NewEvent {
  workspaceId: string;
  id: string;
  at: number;
  /** JSON. */
  event: string;
}

/**
 * Adds an event to a workspace that exists, and forgets events beyond the newest. An event with a known id changes nothing.
 *
 * @param where a further condition on the workspace
 */
export function addEventIfNew(userId: UserId, event: NewEvent, where: Statement): Statement[] {
  const { workspaceId } = event;
  return [
    sql`
      INSERT OR IGNORE INTO workspace_events (user_id, workspace_id, id, at, event)
      SELECT user_id, id, ${event.id}, ${event.at}, ${event.event} FROM workspaces
      WHERE user_id = ${userId} AND id = ${workspaceId} AND ${where}`,
    sql`
      DELETE FROM workspace_events WHERE user_id = ${userId} AND workspace_id = ${workspaceId} AND (at, id) < (
        SELECT at, id FROM workspace_events INDEXED BY workspace_events_by_time
        WHERE user_id = ${userId} AND workspace_id = ${workspaceId}
        ORDER BY at DESC, id DESC LIMIT 1 OFFSET ${BOUNDS.workspaceEvents - 1})`,
  ];
}

/** Reads the newest events of a workspace, newest first. */
export function readEvents(
  userId: UserId,
  { workspaceId, limit }: { workspaceId: string; limit: number },
): Statement {
  return sql`
    SELECT event FROM workspace_events INDEXED BY workspace_events_by_time
    WHERE user_id = ${userId} AND workspace_id = ${workspaceId} ORDER BY at DESC, id DESC LIMIT ${limit}`;
}

/** Reads an event by its id. */
export function readEvent(
  userId: UserId,
  { workspaceId, id }: { workspaceId: string; id: string },
): Statement {
  return sql`
    SELECT event FROM workspace_events WHERE user_id = ${userId} AND workspace_id = ${workspaceId} AND id = ${id}`;
}
