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

export type WorkspaceRow = store.WorkspaceRow;
type JsonObject = Record<string, unknown>;

export interface WorkspaceEvent extends JsonObject {
  id: string;
  createdAt: string;
}

export interface WholeWorkspace {
  row: WorkspaceRow;
  /** The state as the client pushed it. */
  state: JsonObject;
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
  const found = await deps.db.first<store.WholeWorkspaceRow>(store.readWorkspace(userId, id));
  if (found === undefined) return noWorkspace(id);
  const { state, ...row } = found;
  return accept({ row, state: JSON.parse(state) as JsonObject });
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
    stateVersion: 0,
    snapshotId: deps.newId('snapshot'),
    stateAt: deps.now,
    tabCount: 0,
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
): Promise<Result<{ stateVersion: number }, 'not_found' | 'limit_reached'>> {
  const found = await showWorkspace(deps, userId, id);
  if (!found.ok) return found;
  const text = JSON.stringify(state);
  const added = utf8Length(text) - utf8Length(JSON.stringify(found.value.state));
  const snapshotId = deps.newId('snapshot');
  const tabCount = state.tabs.length;
  const next = { id, snapshotId, now: deps.now, tabCount, state: text, added };
  const event = eventOf(deps, { type: 'snapshot.created', tabCount });
  const isThis = { sql: 'snapshot_id = ?', values: [snapshotId] };
  const [replaced] = await deps.db.batch([
    store.replaceStateIfRoom(userId, next, deps.settings.accountLimits),
    ...store.addEventIfNew(userId, stored(deps, id, event), isThis),
  ]);
  const [row] = rowsOf<{ stateVersion: number }>(replaced);
  return row === undefined
    ? noRoom(deps, userId, { storedBytes: added })
    : accept({ stateVersion: row.stateVersion });
}

export async function addEvent(
  deps: Deps,
  userId: UserId,
  { id, event: given }: { id: string; event: JsonObject },
): Promise<Result<WorkspaceEvent, 'not_found' | 'limit_reached'>> {
  const event = eventOf(deps, given);
  const row = stored(deps, id, event);
  const room = hasRoom(userId, { storedBytes: utf8Length(row.event) }, deps.settings.accountLimits);
  const results = await deps.db.batch([
    ...store.addEventIfNew(userId, row, room),
    store.readEvent(userId, { workspaceId: id, id: event.id }),
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

/** An event without an id gets one. With the id of the client, a repeated request adds one event. */
function eventOf(deps: Deps, given: JsonObject): WorkspaceEvent {
  const { id = given.eventId ?? given.event_id } = given;
  return {
    ...given,
    id: typeof id === 'string' ? id : deps.newId('event'),
    createdAt: typeof given.createdAt === 'string' ? given.createdAt : new Date(deps.now).toISOString(),
  };
}

function stored(deps: Deps, workspaceId: string, event: WorkspaceEvent): store.NewEvent {
  return { workspaceId, id: event.id, at: deps.now, event: JSON.stringify(event) };
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
    `Your account has ${BOUNDS.workspaces} workspaces, which is the limit (workspaces).`,
    'Change one that you no longer use.',
  );
}
