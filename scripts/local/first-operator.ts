/** If a local server has no operator, creates the first operator, or the link with which a person creates it. */

import { accountRow, generatePassword, insertAccount, isPasswordOf } from './accounts.ts';
import type { Database } from './runtime.ts';
import { makeSetupLink } from './setup-link.ts';

const DEFAULT_EMAIL = 'operator@orp.test';

export interface Operator {
  /** The account of the operator. Undefined if there is no operator yet. */
  email?: string;
  /** The text about the password of a new account. The password cannot be read again later. */
  password?: string;
  /** The path on the server at which a person creates the first operator. */
  setupPath?: string;
  /** The given variables that differ from the existing account. */
  ignored: string[];
}

/**
 * Creates the account from `ORP_DEV_EMAIL` and `ORP_DEV_PASSWORD`, and generates the missing value. Without both,
 * creates a link with which a person creates the account.
 */
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

  if (!wanted && !given) {
    const { path, statements } = makeSetupLink(Date.now());
    await database.batch(statements.map((statement) => database.prepare(statement)));
    return { setupPath: path, ignored: [] };
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
