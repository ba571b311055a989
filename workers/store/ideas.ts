/** Ideas. Every row is reached through its owner. */

import type { UserId } from '../../spec/ids.ts';
import type { Database } from './database.ts';
import { sql } from './database.ts';

export interface IdeaRow {
  id: string;
  title: string;
  notes: string;
  githubUrl: string | null;
  linkLabel: string | null;
  visibility: string;
  createdAt: number;
  updatedAt: number;
  deletedAt: number | null;
}

const COLUMNS = `id, title, notes, github_url AS githubUrl, link_label AS linkLabel, visibility, created_at AS createdAt,
  updated_at AS updatedAt, deleted_at AS deletedAt`;

/** The order of each sort; the id makes it total, so that a cursor never skips or repeats a row. */
const ORDERS = {
  updated_desc: 'updated_at DESC, id DESC',
  updated_asc: 'updated_at ASC, id ASC',
  created_desc: 'created_at DESC, id DESC',
  created_asc: 'created_at ASC, id ASC',
  title_asc: 'title COLLATE NOCASE ASC, id ASC',
} as const;
export type IdeaSort = keyof typeof ORDERS;

export interface IdeaPage {
  sort: IdeaSort;
  deleted: boolean;
  offset: number;
  limit: number;
}

export function listIdeas(db: Database, userId: UserId, page: IdeaPage): Promise<IdeaRow[]> {
  return db.all<IdeaRow>({
    sql: `SELECT ${COLUMNS} FROM ideas WHERE user_id = ? AND (deleted_at IS NOT NULL) = ?
          ORDER BY ${ORDERS[page.sort]} LIMIT ? OFFSET ?`,
    values: [userId, page.deleted ? 1 : 0, page.limit, page.offset],
  });
}

export function findIdea(db: Database, userId: UserId, id: string): Promise<IdeaRow | undefined> {
  return db.first<IdeaRow>({
    sql: `SELECT ${COLUMNS} FROM ideas WHERE user_id = ? AND id = ? AND deleted_at IS NULL`,
    values: [userId, id],
  });
}

export async function insertIdea(db: Database, userId: UserId, idea: IdeaRow): Promise<void> {
  await db.write(sql`
    INSERT INTO ideas (user_id, id, title, notes, github_url, link_label, visibility, created_at, updated_at)
    VALUES (${userId}, ${idea.id}, ${idea.title}, ${idea.notes}, ${idea.githubUrl}, ${idea.linkLabel},
            ${idea.visibility}, ${idea.createdAt}, ${idea.updatedAt})`);
}

/** Writes the whole idea if it is still as it was read; false when somebody was faster. */
export function updateIdeaIfUnchanged(
  db: Database,
  userId: UserId,
  idea: IdeaRow & { readAt: number },
): Promise<boolean> {
  return db.write(sql`
    UPDATE ideas SET title = ${idea.title}, notes = ${idea.notes}, github_url = ${idea.githubUrl},
      link_label = ${idea.linkLabel}, visibility = ${idea.visibility}, updated_at = ${idea.updatedAt}
    WHERE user_id = ${userId} AND id = ${idea.id} AND deleted_at IS NULL AND updated_at = ${idea.readAt}`);
}

/** Marks as removed; true also when it already was. */
export function removeIdea(
  db: Database,
  userId: UserId,
  { id, now }: { id: string; now: number },
): Promise<boolean> {
  return db.write(sql`
    UPDATE ideas SET deleted_at = coalesce(deleted_at, ${now}) WHERE user_id = ${userId} AND id = ${id}`);
}

/** Features and world go with it. */
export function purgeIdea(db: Database, userId: UserId, id: string): Promise<boolean> {
  return db.write(sql`DELETE FROM ideas WHERE user_id = ${userId} AND id = ${id}`);
}

export function restoreIdea(
  db: Database,
  userId: UserId,
  { id, now }: { id: string; now: number },
): Promise<boolean> {
  return db.write(sql`
    UPDATE ideas SET deleted_at = NULL, updated_at = max(updated_at + 1, ${now}) WHERE user_id = ${userId} AND id = ${id}`);
}
