/** Creates the first operator of a local server, if there is none. */

import { accountRow, generatePassword, insertAccount, isPasswordOf } from './accounts.ts';
import type { Database } from './runtime.ts';

const DEFAULT_EMAIL = 'operator@orp.test';

export interface Operator {
  email: string;
  /** The text about the password of a new account. The password cannot be read again later. */
  password?: string;
  /** The given variables that differ from the existing account. */
  ignored: string[];
}

/** Creates the account from `ORP_DEV_EMAIL` and `ORP_DEV_PASSWORD`, or with a generated password. */
export async function createFirstOperator(database: Database, env = process.env): Promise<Operator> {
  const existing = await database
    .prepare(
      "SELECT email, password_hash AS hash FROM users WHERE role = 'operator' ORDER BY created_at LIMIT 1",
    )
    .all<{ email: string; hash: string }>();
  const found = existing.results[0];
  const wanted = env.ORP_DEV_EMAIL?.trim().toLowerCase();
  const given = env.ORP_DEV_PASSWORD;
  if (found) {
    const ignored = [
      ...(wanted && wanted !== found.email ? ['ORP_DEV_EMAIL'] : []),
      ...(given && !isPasswordOf(given, found.hash) ? ['ORP_DEV_PASSWORD'] : []),
    ];
    return { email: found.email, ignored };
  }

  const password = given || generatePassword();
  const email = wanted || DEFAULT_EMAIL;
  const account = accountRow({ email, password, name: 'Operator', role: 'operator' }, Date.now());
  await insertAccount(database, account);
  return {
    email: account.email,
    password: given ? 'the value of ORP_DEV_PASSWORD' : password,
    ignored: [],
  };
}
