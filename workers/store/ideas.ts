/** Ideas. Every statement names the owner. */

import type { AccountLimits } from '../../spec/bounds.ts';
import { BOUNDS, utf8Length } from '../../spec/bounds.ts';
import type { UserId } from '../../spec/ids.ts';
import { hasRoom } from './account-usage.ts';
import type { Database } from './database.ts';
import { sql } from './database.ts';
import { ideaHasRoom } from './features.ts';
import { ideas } from './idea-schema.ts';
import { type RowOf, selectList } from './table.ts';

export type IdeaRow = Omit<RowOf<typeof ideas>, 'userId'>;

const COLUMNS = selectList(ideas, { without: ['userId'] });

/** The columns of each sort, with the id as the last column. A page begins after a row, so other changes do not shift it. */
const ORDERS = {
  updated_desc: { key: 'updated_at', field: 'updatedAt', direction: 'DESC' },
  updated_asc: { key: 'updated_at', field: 'updatedAt', direction: 'ASC' },
  created_desc: { key: 'created_at', field: 'createdAt', direction: 'DESC' },
  created_asc: { key: 'created_at', field: 'createdAt', direction: 'ASC' },
  title_asc: { key: 'title COLLATE NOCASE', field: 'title', direction: 'ASC' },
} as const;
export type IdeaSort = keyof typeof ORDERS;

/** Where a page ends: the value its sort compares, and the id. */
export interface IdeaPosition {
  value: string | number;
  id: string;
}

export interface IdeaPage {
  sort: IdeaSort;
  deleted: boolean;
  after: IdeaPosition | undefined;
  limit: number;
}

export function positionOf(sort: IdeaSort, idea: IdeaRow): IdeaPosition {
  return { value: idea[ORDERS[sort].field], id: idea.id };
}

/**
 * Reads one page: as many ideas as fit into `BOUNDS.pageBytes` with their notes, but at least one. `found` is the number of
 * ideas from here, counted up to one more than the limit. Reads only the notes of the page.
 */
export async function listIdeas(
  db: Database,
  userId: UserId,
  page: IdeaPage,
): Promise<{ ideas: IdeaRow[]; found: number }> {
  const { key, direction } = ORDERS[page.sort];
  const after = page.after;
  const beyond = after ? `AND (${key}, id) ${direction === 'ASC' ? '>' : '<'} (?, ?)` : '';
  const order = `${key} ${direction}, id ${direction}`;
  const rows = await db.all<IdeaRow & { found: number }>({
    sql: `
      WITH page AS (
        SELECT id, row_number() OVER (ORDER BY ${order}) AS place, octet_length(notes) AS bytes FROM ideas
        WHERE user_id = ? AND (deleted_at IS NOT NULL) = ? ${beyond} ORDER BY ${order} LIMIT ?),
      measured AS (
        SELECT id, place, sum(bytes) OVER (ORDER BY place) AS running, count(*) OVER () AS found FROM page)
      SELECT ${selectList(ideas, { without: ['userId'], prefix: 'i.' })}, m.found FROM measured m
      JOIN ideas i ON i.user_id = ? AND i.id = m.id
      WHERE m.place <= ? AND (m.place = 1 OR m.running <= ${BOUNDS.pageBytes}) ORDER BY m.place`,
    values: [
      userId,
      page.deleted ? 1 : 0,
      ...(after ? [after.value, after.id] : []),
      page.limit + 1,
      userId,
      page.limit,
    ],
  });
  return { ideas: rows.map(({ found: _found, ...idea }) => idea), found: rows[0]?.found ?? 0 };
}

export function findIdea(db: Database, userId: UserId, id: string): Promise<IdeaRow | undefined> {
  return db.first<IdeaRow>({
    sql: `SELECT ${COLUMNS} FROM ideas WHERE user_id = ? AND id = ? AND deleted_at IS NULL`,
    values: [userId, id],
  });
}

/** Adds an idea. Returns false if the account has no room. */
export async function insertIfRoom(
  db: Database,
  userId: UserId,
  { idea, limits }: { idea: IdeaRow; limits: AccountLimits },
): Promise<boolean> {
  const insert = sql`
    INSERT INTO ideas (user_id, id, title, notes, github_url, link_label, visibility, created_at, updated_at)
    SELECT ${userId}, ${idea.id}, ${idea.title}, ${idea.notes}, ${idea.githubUrl}, ${idea.linkLabel},
            ${idea.visibility}, ${idea.createdAt}, ${idea.updatedAt}`;
  const room = hasRoom(userId, { ideas: 1, storedBytes: utf8Length(idea.notes) }, limits);
  return db.write({ sql: `${insert.sql} WHERE ${room.sql}`, values: [...insert.values, ...room.values] });
}

/**
 * Writes the idea if it is unchanged since it was read and has room for the `added` bytes. Returns false if another write was
 * faster.
 */
export function updateIdeaIfUnchanged(
  db: Database,
  userId: UserId,
  idea: IdeaRow & { readAt: number; added: number },
): Promise<boolean> {
  const update = sql`
    UPDATE ideas SET title = ${idea.title}, notes = ${idea.notes}, github_url = ${idea.githubUrl},
      link_label = ${idea.linkLabel}, visibility = ${idea.visibility}, updated_at = ${idea.updatedAt}
    WHERE user_id = ${userId} AND id = ${idea.id} AND deleted_at IS NULL AND updated_at = ${idea.readAt}`;
  const room = ideaHasRoom(userId, { ideaId: idea.id, added: idea.added });
  return db.write({ sql: `${update.sql} AND ${room.sql}`, values: [...update.values, ...room.values] });
}

/** Marks an idea as removed. Returns true even if it was already removed. */
export function removeIdea(
  db: Database,
  userId: UserId,
  { id, now }: { id: string; now: number },
): Promise<boolean> {
  return db.write(sql`
    UPDATE ideas SET deleted_at = coalesce(deleted_at, ${now}) WHERE user_id = ${userId} AND id = ${id}`);
}

/**
 * Deletes a removed idea with its features, world and reviews, if it has no unfinished job. Returns false if it has one, or
 * if the idea does not exist or was restored.
 */
export function purgeIdeaIfUnused(db: Database, userId: UserId, id: string): Promise<boolean> {
  return db.write(sql`
    DELETE FROM ideas WHERE user_id = ${userId} AND id = ${id} AND deleted_at IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM jobs INDEXED BY jobs_live
      WHERE jobs.user_id = ${userId} AND jobs.finished_at IS NULL AND jobs.idea_id = ${id})`);
}

export function restoreIdea(
  db: Database,
  userId: UserId,
  { id, now }: { id: string; now: number },
): Promise<boolean> {
  return db.write(sql`
    UPDATE ideas SET deleted_at = NULL, updated_at = max(updated_at + 1, ${now})
    WHERE user_id = ${userId} AND id = ${id} AND deleted_at IS NOT NULL`);
}
