import type { AccountRow } from './accounts.ts';
import type { Database } from './runtime.ts';

/** Adds an account; fails when the address already has one. */
export async function insertAccount(database: Database, account: AccountRow): Promise<void> {
  const { id, email, name, role, password_hash, created_at } = account;
  await database
    .prepare('INSERT INTO users (id, email, name, role, password_hash, created_at) VALUES (?, ?, ?, ?, ?, ?)')
    .bind(id, email, name, role, password_hash, created_at)
    .run();
}
