/** Ideas and their world. */

import { Buffer } from 'node:buffer';
import { BOUNDS, utf8Length } from '../../spec/bounds.ts';
import { accept, type Result, refuse } from '../../spec/errors.ts';
import type { UserId } from '../../spec/ids.ts';
import { checkRoom, noRoom } from '../accounts/room.ts';
import type { Deps } from '../base/deps.ts';
import { measureOtherFeatures } from '../store/features.ts';
import type { IdeaPosition, IdeaRow, IdeaSort } from '../store/ideas.ts';
import * as store from '../store/ideas.ts';
import { putWorld, type WorldRow, worldOfIdea } from '../store/worlds.ts';

/** The fields that a person may change. Omitted fields stay unchanged. Null or an empty value clears a field. */
export interface IdeaChange {
  title?: string | undefined;
  notes?: string | undefined;
  githubUrl?: string | null | undefined;
  linkLabel?: string | null | undefined;
  visibility?: string | undefined;
}

export interface IdeaListing {
  ideas: IdeaRow[];
  nextCursor: string | undefined;
}

export async function listIdeas(
  deps: Deps,
  userId: UserId,
  page: { sort: IdeaSort; deleted: boolean; limit: number; cursor: string | undefined },
): Promise<Result<IdeaListing, 'invalid_input'>> {
  const after = readCursor(page.cursor);
  if (after === null) {
    return refuse('invalid_input', 'cursor: this list did not issue it.', 'List again without it.');
  }
  const { ideas, found } = await store.listIdeas(deps.db, userId, { ...page, after });
  const last = ideas.at(-1);
  const hasMore = found > ideas.length && last !== undefined;
  return accept({ ideas, nextCursor: hasMore ? writeCursor(store.positionOf(page.sort, last)) : undefined });
}

export async function findIdea(
  deps: Deps,
  userId: UserId,
  id: string,
): Promise<Result<IdeaRow, 'not_found'>> {
  const idea = await store.findIdea(deps.db, userId, id);
  return idea ? accept(idea) : noIdea(id);
}

export async function addIdea(
  deps: Deps,
  userId: UserId,
  change: IdeaChange & { title: string },
): Promise<Result<IdeaRow, 'limit_reached'>> {
  const idea: IdeaRow = {
    id: deps.newId('idea'),
    title: change.title,
    notes: change.notes ?? '',
    githubUrl: cleared(change.githubUrl) ?? null,
    linkLabel: cleared(change.linkLabel) ?? null,
    visibility: change.visibility?.trim() || 'private',
    createdAt: deps.now,
    updatedAt: deps.now,
    deletedAt: null,
  };
  const isAdded = await store.insertIfRoom(deps.db, userId, { idea, limits: deps.settings.accountLimits });
  return isAdded ? accept(idea) : noRoom(deps, userId, { ideas: 1, storedBytes: utf8Length(idea.notes) });
}

export async function updateIdea(
  deps: Deps,
  userId: UserId,
  change: IdeaChange & { id: string; updatedAt: string | undefined },
): Promise<Result<IdeaRow, 'not_found' | 'record_changed' | 'body_too_large' | 'limit_reached'>> {
  const read = await store.findIdea(deps.db, userId, change.id);
  if (read === undefined) return noIdea(change.id);

  if (change.updatedAt && change.updatedAt !== new Date(read.updatedAt).toISOString())
    return changed(change.id);
  const next: IdeaRow = {
    ...read,
    title: change.title?.trim() || read.title,
    notes: change.notes ?? read.notes,
    githubUrl: change.githubUrl === undefined ? read.githubUrl : (cleared(change.githubUrl) ?? null),
    linkLabel: change.linkLabel === undefined ? read.linkLabel : (cleared(change.linkLabel) ?? null),
    visibility: change.visibility?.trim() || read.visibility,
    updatedAt: after(read.updatedAt, deps.now),
  };

  const added = { storedBytes: utf8Length(next.notes) - utf8Length(read.notes) };
  const room = await checkRoom(deps, userId, added);
  if (!room.ok) return room;
  if (added.storedBytes > 0) {
    const held = await measureOtherFeatures(deps.db, userId, { id: '', ideaId: read.id });
    if (held.bytes + added.storedBytes > BOUNDS.ideaBytes) return ideaTooLarge();
  }
  const written = await store.updateIdeaIfUnchanged(deps.db, userId, {
    ...next,
    readAt: read.updatedAt,
    added: added.storedBytes,
  });
  return written ? accept(next) : changed(change.id);
}

export function ideaTooLarge() {
  return refuse(
    'body_too_large',
    `An idea may have at most ${BOUNDS.ideaBytes} bytes with all its features.`,
    'Remove features you no longer need, or start another idea.',
  );
}

/** Removes an idea. It can be restored with everything that it has. */
export async function removeIdea(
  deps: Deps,
  userId: UserId,
  id: string,
): Promise<Result<{ mode: 'soft' }, 'not_found'>> {
  const removed = await store.removeIdea(deps.db, userId, { id, now: deps.now });
  return removed ? accept({ mode: 'soft' }) : noIdea(id);
}

export async function restoreIdea(
  deps: Deps,
  userId: UserId,
  id: string,
): Promise<Result<IdeaRow, 'not_found'>> {
  await store.restoreIdea(deps.db, userId, { id, now: deps.now });
  return findIdea(deps, userId, id);
}

export async function getWorld(
  deps: Deps,
  userId: UserId,
  ideaId: string,
): Promise<Result<WorldRow | undefined, 'not_found'>> {
  const idea = await store.findIdea(deps.db, userId, ideaId);
  return idea ? accept(await worldOfIdea(deps.db, userId, ideaId)) : noIdea(ideaId);
}

export interface WorldChange {
  ideaId: string;
  name?: string | null | undefined;
  projectRoot?: string | null | undefined;
  githubUrl?: string | null | undefined;
  codexSessionId?: string | null | undefined;
}

/** Binds an idea to a repository. Omitted fields stay unchanged. Null or an empty value clears a field. */
export async function bindWorld(
  deps: Deps,
  userId: UserId,
  change: WorldChange,
): Promise<Result<WorldRow, 'not_found'>> {
  const idea = await store.findIdea(deps.db, userId, change.ideaId);
  if (idea === undefined) return noIdea(change.ideaId);
  const read = await worldOfIdea(deps.db, userId, change.ideaId);

  const keep = (next: string | null | undefined, before: string | null | undefined) =>
    next === undefined ? (before ?? null) : (cleared(next) ?? null);
  const world: WorldRow = {
    id: read?.id ?? deps.newId('world'),
    ideaId: change.ideaId,
    name: keep(change.name, read?.name) ?? idea.title,
    projectRoot: keep(change.projectRoot, read?.projectRoot),
    githubUrl: keep(change.githubUrl, read?.githubUrl),
    codexSessionId: keep(change.codexSessionId, read?.codexSessionId),
    status: 'active',
    updatedAt: after(read?.updatedAt ?? 0, deps.now),
  };

  await putWorld(deps.db, userId, world);
  // If two first bindings arrive at once, both return the id that is in the table now.
  return accept((await worldOfIdea(deps.db, userId, change.ideaId)) ?? world);
}

/** Returns the next `updatedAt`. It is also the version of a record, so it always grows, even within one millisecond. */
export function after(before: number, now: number): number {
  return Math.max(before + 1, now);
}

function cleared(text: string | null | undefined): string | undefined {
  return text?.trim() || undefined;
}

export function noIdea(id: string) {
  return refuse('not_found', `There is no idea ${id}.`, 'List your ideas with orp ideas list.');
}

function changed(id: string) {
  return refuse(
    'record_changed',
    `Idea ${id} was changed since you read it.`,
    'Show it again and repeat your change.',
  );
}

/**
 * Returns the cursor of a page of ideas. It has only letters, digits, `-` and `_`, because v0.4.4 puts it into a query
 * without escaping.
 */
function writeCursor({ value, id }: IdeaPosition): string {
  return Buffer.from(JSON.stringify([value, id])).toString('base64url');
}

/** Reads a cursor. Returns undefined without a cursor, and null if this list did not issue the cursor. */
function readCursor(cursor: string | undefined): IdeaPosition | undefined | null {
  if (!cursor) return undefined;
  try {
    const [value, id] = JSON.parse(new TextDecoder().decode(Buffer.from(cursor, 'base64url'))) as unknown[];
    if (typeof id !== 'string' || (typeof value !== 'string' && typeof value !== 'number')) return null;
    return { value, id };
  } catch {
    // The cursor is not base64url or not JSON, so this list did not issue it.
    return null;
  }
}
