/** Workspaces: their description, their last state with its tabs, and their timeline. */

import { BOUNDS, utf8Length } from '../../spec/bounds.ts';
import { accept, type Result, refuse } from '../../spec/errors.ts';
import type { UserId } from '../../spec/ids.ts';
import { noRoom } from '../accounts/room.ts';
import type { Deps } from '../base/deps.ts';
import { hasRoom } from '../store/account-usage.ts';
import { DatabaseUnavailable, rowsOf } from '../store/database.ts';
import * as store from '../store/workspaces.ts';
import { after } from './ideas.ts';

const SCHEMA_VERSION = '1.0.0';

export type WorkspaceRow = store.WorkspaceRow;
type JsonObject = Record<string, unknown>;

export interface WorkspaceEvent extends JsonObject {
  schema_version: string;
  event_id: string;
  workspace_id: string;
  event_type: string;
  created_at_utc: string;
}

export interface WholeWorkspace {
  row: WorkspaceRow;
  /** The state as the client pushed it. */
  state: JsonObject;
  latest: WorkspaceEvent | undefined;
}

export interface WorkspaceChange {
  title?: string | undefined;
  description?: string | null | undefined;
  visibility?: string | undefined;
  linkedIdea?: { ideaId: string; relationship: string } | null | undefined;
}

export function listWorkspaces(
  deps: Deps,
  userId: UserId,
  asked: { limit: number; before: string | undefined },
): Promise<WorkspaceRow[]> {
  return deps.db.all<WorkspaceRow>(store.readWorkspaces(userId, asked));
}

export async function showWorkspace(
  deps: Deps,
  userId: UserId,
  id: string,
): Promise<Result<WholeWorkspace, 'not_found'>> {
  const [rows, events] = await deps.db.batch([
    store.readWorkspace(userId, id),
    store.readEvents(userId, { workspaceId: id, limit: 1 }),
  ]);
  const [found] = rowsOf<store.WholeWorkspaceRow>(rows);
  if (found === undefined) return noWorkspace(id);
  const { state, ...row } = found;
  return accept({ row, state: JSON.parse(state) as JsonObject, latest: eventsIn(events)[0] });
}

export async function addWorkspace(
  deps: Deps,
  userId: UserId,
  change: WorkspaceChange & { title: string },
): Promise<Result<WholeWorkspace, 'limit_reached'>> {
  const id = deps.newId('workspace');
  const workspace: store.NewWorkspace = {
    id,
    title: change.title,
    description: change.description?.trim() || null,
    visibility: change.visibility ?? 'private',
    ideaId: change.linkedIdea?.ideaId ?? null,
    relationship: change.linkedIdea?.relationship ?? null,
    createdAt: deps.now,
    updatedAt: deps.now,
    stateVersion: 1,
    snapshotId: deps.newId('snapshot'),
    stateAt: deps.now,
    tabCount: 0,
    projectCount: 0,
    sessionCount: 0,
    state: '{}',
  };
  const limits = deps.settings.accountLimits;
  if (await store.insertWorkspaceIfRoom(deps.db, userId, { workspace, limits })) {
    const added = await showWorkspace(deps, userId, id);
    if (added.ok) return added;
    throw new DatabaseUnavailable('a workspace was gone as soon as it was made');
  }
  const others = await listWorkspaces(deps, userId, { limit: BOUNDS.workspaces, before: undefined });
  return others.length >= BOUNDS.workspaces ? tooMany() : noRoom(deps, userId, { storedBytes: 2 });
}

export async function updateWorkspace(
  deps: Deps,
  userId: UserId,
  change: WorkspaceChange & { id: string; updatedAt: string | undefined },
): Promise<Result<WholeWorkspace, 'not_found' | 'record_changed'>> {
  const found = await showWorkspace(deps, userId, change.id);
  if (!found.ok) return found;
  const { row } = found.value;
  if (change.updatedAt && change.updatedAt !== new Date(row.updatedAt).toISOString())
    return changed(change.id);
  const { linkedIdea, description } = change;
  const written = await store.updateWorkspaceIfUnchanged(deps.db, userId, {
    ...row,
    title: change.title?.trim() || row.title,
    description: description === undefined ? row.description : description?.trim() || null,
    visibility: change.visibility ?? row.visibility,
    ideaId: linkedIdea === undefined ? row.ideaId : (linkedIdea?.ideaId ?? null),
    relationship: linkedIdea === undefined ? row.relationship : (linkedIdea?.relationship ?? null),
    updatedAt: after(row.updatedAt, deps.now),
    readAt: row.updatedAt,
  });
  return written ? showWorkspace(deps, userId, change.id) : changed(change.id);
}

export interface PushedState extends JsonObject {
  tabs: JsonObject[];
}

/** Replaces the state and adds the event `snapshot.created`, in one batch. */
export async function pushState(
  deps: Deps,
  userId: UserId,
  { id, state }: { id: string; state: PushedState },
): Promise<Result<{ stateVersion: number; snapshotId: string }, 'not_found' | 'limit_reached'>> {
  const found = await showWorkspace(deps, userId, id);
  if (!found.ok) return found;
  const text = JSON.stringify(state);
  const added = utf8Length(text) - utf8Length(JSON.stringify(found.value.state));
  const snapshotId = deps.newId('snapshot');
  const { tabs } = state;
  const counts = {
    tabCount: tabs.length,
    projectCount: distinct(tabs, ['project_root', 'projectRoot']),
    sessionCount: distinct(tabs, ['codex_session_id', 'codexSessionId']),
  };
  const next = { id, snapshotId, now: deps.now, ...counts, state: text, added };
  const event = eventOf(deps, id, {
    event_type: 'snapshot.created',
    snapshot_id: snapshotId,
    actor: { type: 'user', id: userId },
    state_excerpt: { tab_count: counts.tabCount },
  });
  const isThis = { sql: 'snapshot_id = ?', values: [snapshotId] };
  const [replaced] = await deps.db.batch([
    store.replaceStateIfRoom(userId, next, deps.settings.accountLimits),
    ...store.addEventIfNew(userId, stored(deps, event), isThis),
  ]);
  const [row] = rowsOf<{ stateVersion: number }>(replaced);
  return row === undefined
    ? noRoom(deps, userId, { storedBytes: added })
    : accept({ stateVersion: row.stateVersion, snapshotId });
}

function distinct(tabs: readonly JsonObject[], names: readonly string[]): number {
  const values = tabs.map((tab) =>
    names.map((name) => tab[name]).find((value) => typeof value === 'string' && value),
  );
  return new Set(values.filter((value) => value !== undefined)).size;
}

export async function addEvent(
  deps: Deps,
  userId: UserId,
  { id, event: given }: { id: string; event: JsonObject & { event_type: string } },
): Promise<Result<WorkspaceEvent, 'not_found' | 'limit_reached'>> {
  const event = eventOf(deps, id, given);
  const row = stored(deps, event);
  const room = hasRoom(userId, { storedBytes: utf8Length(row.event) }, deps.settings.accountLimits);
  const results = await deps.db.batch([
    ...store.addEventIfNew(userId, row, room),
    store.readEvent(userId, { workspaceId: id, id: event.event_id }),
  ]);
  const [kept] = eventsIn(results.at(-1));
  if (kept !== undefined) return accept(kept);
  const found = await showWorkspace(deps, userId, id);
  return found.ok ? noRoom(deps, userId, { storedBytes: utf8Length(row.event) }) : found;
}

export async function listEvents(
  deps: Deps,
  userId: UserId,
  { id, limit }: { id: string; limit: number },
): Promise<Result<WorkspaceEvent[], 'not_found'>> {
  const found = await showWorkspace(deps, userId, id);
  if (!found.ok) return found;
  const [events] = await deps.db.batch([store.readEvents(userId, { workspaceId: id, limit })]);
  return accept(eventsIn(events));
}

/** The server sets the id of the workspace, and the other fixed fields that the client leaves out. */
function eventOf(
  deps: Deps,
  workspaceId: string,
  given: JsonObject & { event_type: string },
): WorkspaceEvent {
  const text = (name: string) => (typeof given[name] === 'string' ? given[name] : undefined);
  return {
    ...given,
    schema_version: SCHEMA_VERSION,
    event_id: text('event_id') ?? deps.newId('event'),
    workspace_id: workspaceId,
    event_type: given.event_type,
    created_at_utc: text('created_at_utc') ?? new Date(deps.now).toISOString(),
  };
}

function stored(deps: Deps, event: WorkspaceEvent): store.NewEvent {
  return {
    workspaceId: event.workspace_id,
    id: event.event_id,
    at: deps.now,
    event: JSON.stringify(event),
  };
}

function eventsIn(result: Parameters<typeof rowsOf>[0]): WorkspaceEvent[] {
  return rowsOf<{ event: string }>(result).map(({ event }) => JSON.parse(event) as WorkspaceEvent);
}

function noWorkspace(id: string) {
  return refuse(
    'not_found',
    `There is no workspace ${id}.`,
    'GET /api/cli/workspaces lists your workspaces.',
  );
}

function changed(id: string) {
  return refuse(
    'record_changed',
    `Workspace ${id} was changed since you read it.`,
    'Show it again and repeat your change.',
  );
}

function tooMany() {
  return refuse(
    'limit_reached',
    `Your account has ${BOUNDS.workspaces} workspaces (workspaces), and may have no more.`,
    'Change one that you no longer use.',
  );
}
