/** The first operator of a local hosted side: made when there is none. */

import { accountRow, generatePassword } from './accounts.ts';
import { insertAccount } from './insert-account.ts';
import type { Database } from './runtime.ts';

const DEFAULT_EMAIL = 'operator@orp.test';

export interface Operator {
  email: string;
  /** What to tell about the password of an account that was made just now; nobody can read it again. */
  password?: string;
}

/** Makes the account from `ORP_DEV_EMAIL` and `ORP_DEV_PASSWORD`, or with a generated password. */
export async function createFirstOperator(database: Database, env = process.env): Promise<Operator> {
  const existing = await database
    .prepare("SELECT email FROM users WHERE role = 'operator' ORDER BY created_at LIMIT 1")
    .all<{ email: string }>();
  const found = existing.results[0];
  if (found) return { email: found.email };

  const email = env.ORP_DEV_EMAIL?.trim() || DEFAULT_EMAIL;
  const given = env.ORP_DEV_PASSWORD;
  const password = given || generatePassword();
  const account = accountRow({ email, password, name: 'Operator', role: 'operator' }, Date.now());
  await insertAccount(database, account);
  return { email: account.email, password: given ? 'the value of ORP_DEV_PASSWORD' : password };
}
