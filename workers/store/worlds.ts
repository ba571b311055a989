/** The binding of an idea to a repository. */

import type { UserId } from '../../spec/ids.ts';
import type { Database } from './database.ts';
import { sql } from './database.ts';
import { worlds } from './idea-schema.ts';
import { type RowOf, selectList } from './table.ts';

export type WorldRow = Omit<RowOf<typeof worlds>, 'userId'>;

export function worldOfIdea(db: Database, userId: UserId, ideaId: string): Promise<WorldRow | undefined> {
  return db.first<WorldRow>({
    sql: `SELECT ${selectList(worlds, { without: ['userId'] })} FROM worlds WHERE user_id = ? AND idea_id = ?`,
    values: [userId, ideaId],
  });
}

/** Returns whether the account has this world. If an idea is named, the world must belong to it. */
export async function hasWorld(
  db: Database,
  userId: UserId,
  { worldId, ideaId }: { worldId: string; ideaId: string | undefined },
): Promise<boolean> {
  const found = await db.first(sql`
    SELECT 1 FROM worlds WHERE user_id = ${userId} AND id = ${worldId} AND idea_id = coalesce(${ideaId}, idea_id)`);
  return found !== undefined;
}

/** Creates or replaces the world of an idea. The world keeps its first id, even if two writes arrive at once. */
export async function putWorld(db: Database, userId: UserId, world: WorldRow): Promise<void> {
  await db.write(sql`
    INSERT INTO worlds (user_id, idea_id, id, name, project_root, github_url, codex_session_id, status, updated_at)
    VALUES (${userId}, ${world.ideaId}, ${world.id}, ${world.name}, ${world.projectRoot}, ${world.githubUrl},
            ${world.codexSessionId}, ${world.status}, ${world.updatedAt})
    ON CONFLICT (user_id, idea_id) DO UPDATE SET name = excluded.name, project_root = excluded.project_root,
      github_url = excluded.github_url, codex_session_id = excluded.codex_session_id, updated_at = excluded.updated_at`);
}
