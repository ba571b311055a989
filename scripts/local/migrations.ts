/**
 * Applies the migrations in order. Records them like `wrangler d1 migrations`, so that both tools can be used on one
 * database.
 */

import type { Database } from './runtime.ts';
import type { Migration } from './worker-build.ts';

const CREATE_BOOK = `CREATE TABLE IF NOT EXISTS d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`;

/**
 * Applies all new migrations. Each migration and its record are one transaction, so it is applied completely or not at all.
 */
export async function applyMigrations(database: Database, migrations: Migration[]): Promise<void> {
  await database.prepare(CREATE_BOOK).run();
  const { results } = await database.prepare('SELECT name FROM d1_migrations').all<{ name: string }>();
  const applied = new Set(results.map((row) => row.name));
  for (const { name, statements } of migrations) {
    if (applied.has(name)) continue;
    const entry = database.prepare('INSERT INTO d1_migrations (name) VALUES (?)').bind(name);
    await database.batch([...statements.map((sql) => database.prepare(sql)), entry]);
  }
}
