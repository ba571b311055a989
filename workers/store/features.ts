/** Features of an idea. The detail sections are one JSON column, because they are always read and written together. */

import type { AccountLimits } from '../../spec/bounds.ts';
import { BOUNDS } from '../../spec/bounds.ts';
import type { UserId } from '../../spec/ids.ts';
import type { Added } from './account-usage.ts';
import { hasRoom } from './account-usage.ts';
import type { Database, Statement } from './database.ts';
import { join, sql } from './database.ts';
import { features } from './idea-schema.ts';
import { type RowOf, selectList } from './table.ts';

export type FeatureRow = Omit<RowOf<typeof features>, 'userId'>;

const COLUMNS = selectList(features, { without: ['userId'], prefix: 'f.' });

export function featuresOfIdea(db: Database, userId: UserId, ideaId: string): Promise<FeatureRow[]> {
  return db.all<FeatureRow>({
    sql: `SELECT ${COLUMNS} FROM features f WHERE f.user_id = ? AND f.idea_id = ? ORDER BY f.id`,
    values: [userId, ideaId],
  });
}

/** Finds a feature whose idea is not removed. */
export function findFeature(db: Database, userId: UserId, id: string): Promise<FeatureRow | undefined> {
  return db.first<FeatureRow>({
    sql: `SELECT ${COLUMNS} FROM features f JOIN ideas i ON i.user_id = f.user_id AND i.id = f.idea_id
          WHERE f.user_id = ? AND f.id = ? AND i.deleted_at IS NULL`,
    values: [userId, id],
  });
}

/** Counts the other features of the idea, and their bytes including the notes of the idea. Reads only lengths. */
export async function measureOtherFeatures(
  db: Database,
  userId: UserId,
  { id, ideaId }: Pick<FeatureRow, 'id' | 'ideaId'>,
): Promise<{ count: number; bytes: number }> {
  const row = await db.first<{ count: number; bytes: number }>(sql`
    SELECT count(*) AS count, coalesce(sum(octet_length(details) + coalesce(octet_length(notes), 0)), 0)
      + coalesce((SELECT octet_length(notes) FROM ideas WHERE user_id = ${userId} AND id = ${ideaId}), 0) AS bytes
    FROM features INDEXED BY features_of_idea WHERE user_id = ${userId} AND idea_id = ${ideaId} AND id <> ${id}`);
  return row ?? { count: 0, bytes: 0 };
}

/** The condition that the idea stays within its size limit with `added` more bytes. */
export function ideaHasRoom(userId: UserId, { ideaId, added }: { ideaId: string; added: number }): Statement {
  if (added <= 0) return sql`TRUE`;
  return sql`
    ${added} + coalesce((SELECT octet_length(notes) FROM ideas WHERE user_id = ${userId} AND id = ${ideaId}), 0)
    + (SELECT coalesce(sum(octet_length(details) + coalesce(octet_length(notes), 0)), 0)
       FROM features INDEXED BY features_of_idea WHERE user_id = ${userId} AND idea_id = ${ideaId}) <= ${BOUNDS.ideaBytes}`;
}

/** Adds a feature. Returns false if its idea or the account has no room. */
export async function insertIfRoom(
  db: Database,
  userId: UserId,
  { feature, added, limits }: { feature: FeatureRow; added: Added; limits: AccountLimits },
): Promise<boolean> {
  const insert = sql`
    INSERT INTO features (user_id, id, idea_id, title, notes, starred, super_starred, completed, visibility, created_at,
                          updated_at, details)
    SELECT ${userId}, ${feature.id}, ${feature.ideaId}, ${feature.title}, ${feature.notes}, ${feature.starred},
            ${feature.superStarred}, ${feature.completed}, ${feature.visibility}, ${feature.createdAt},
            ${feature.updatedAt}, ${feature.details}`;
  const room = join(
    [
      hasRoom(userId, added, limits),
      ideaHasRoom(userId, { ideaId: feature.ideaId, added: added.storedBytes ?? 0 }),
      sql`(SELECT count(*) FROM features INDEXED BY features_of_idea
        WHERE user_id = ${userId} AND idea_id = ${feature.ideaId}) < ${BOUNDS.ideaFeatures}`,
    ],
    ' AND ',
  );
  return db.write({ sql: `${insert.sql} WHERE ${room.sql}`, values: [...insert.values, ...room.values] });
}

/** Writes the feature if it is unchanged since it was read, and if its idea has room for the `added` bytes. */
export function updateFeatureIfUnchanged(
  db: Database,
  userId: UserId,
  feature: FeatureRow & { readAt: number; added: number },
): Promise<boolean> {
  const update = sql`
    UPDATE features SET title = ${feature.title}, notes = ${feature.notes}, starred = ${feature.starred},
      super_starred = ${feature.superStarred}, completed = ${feature.completed}, visibility = ${feature.visibility},
      updated_at = ${feature.updatedAt}, details = ${feature.details}
    WHERE user_id = ${userId} AND id = ${feature.id} AND updated_at = ${feature.readAt}`;
  const room = ideaHasRoom(userId, feature);
  return db.write({ sql: `${update.sql} AND ${room.sql}`, values: [...update.values, ...room.values] });
}

export function deleteFeature(db: Database, userId: UserId, id: string): Promise<boolean> {
  return db.write(sql`DELETE FROM features WHERE user_id = ${userId} AND id = ${id}`);
}
