/**
 * Applies `migrations/*.sql` in order. Records them like `wrangler d1 migrations`, so that both tools can be used on one
 * database.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { projectPath } from './project-path.ts';
import type { Database } from './runtime.ts';

const CREATE_BOOK = `CREATE TABLE IF NOT EXISTS d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`;

/**
 * Applies all new migrations. Each migration and its record are one transaction, so it is applied completely or not at all.
 */
export async function applyMigrations(database: Database): Promise<void> {
  await database.prepare(CREATE_BOOK).run();
  const { results } = await database.prepare('SELECT name FROM d1_migrations').all<{ name: string }>();
  const applied = new Set(results.map((row) => row.name));

  const folder = projectPath('migrations');
  const pending = readdirSync(folder).filter((name) => name.endsWith('.sql') && !applied.has(name));
  if (pending.length === 0) return;
  // Loaded only when it is needed, because that takes most of a second.
  const { unstable_splitSqlQuery: splitSql } = await import('wrangler');
  for (const name of pending.sort()) {
    const statements = splitSql(readFileSync(`${folder}/${name}`, 'utf8'));
    const entry = database.prepare('INSERT INTO d1_migrations (name) VALUES (?)').bind(name);
    await database.batch([...statements.map((sql) => database.prepare(sql)), entry]);
  }
}
