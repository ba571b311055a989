/** Accounts as operators list and order them: each order one guarded statement, with its entry in the audit log. */

import type { UserId } from '../../spec/ids.ts';
import type { User } from './accounts.ts';
import { auditOrder } from './audit.ts';
import type { Database, Statement } from './database.ts';
import { raw, sql } from './database.ts';

export interface ListedAccount extends User {
  createdAt: number;
  disabledAt: number | null;
}

const LISTED = raw('id, email, name, role, created_at AS createdAt, disabled_at AS disabledAt');

/** In the order of their ids, which is that of their creation. */
export function readAccounts({ after, limit }: { after: string; limit: number }): Statement {
  return sql`SELECT ${LISTED} FROM users WHERE id > ${after} ORDER BY id LIMIT ${limit}`;
}

/** `account`: its id or its e-mail address. */
export function readAccount(account: string): Statement {
  return sql`
    SELECT ${LISTED} FROM users WHERE id = ${account}
    UNION SELECT ${LISTED} FROM users WHERE email = ${account.toLowerCase()}`;
}

export interface Order {
  now: number;
  /** Id of the operator. */
  actor: UserId;
  source: string;
  reason: string | undefined;
}

/**
 * Disables or enables an account. The operator must be one now, and no operator disables their own account, so one is always
 * left. False: the account is so already, or the operator is none any more.
 */
export async function setDisabled(
  db: Database,
  userId: string,
  { isDisabled, ...order }: Order & { isDisabled: boolean },
): Promise<boolean> {
  const { now, actor, source, reason } = order;
  const isOther = isDisabled ? raw('disabled_at IS NULL') : raw('disabled_at IS NOT NULL');
  const guard = sql`
    id = ${userId} AND id <> ${actor} AND ${isOther} AND EXISTS (
      SELECT 1 FROM users WHERE id = ${actor} AND role = 'operator' AND disabled_at IS NULL)`;
  const action = isDisabled ? ('disable_account' as const) : ('enable_account' as const);
  const entry = { at: now, userId, actor, source, action, subject: 'account', detail: reason };
  const [, changed] = await db.batch([
    auditOrder(entry, sql`EXISTS (SELECT 1 FROM users WHERE ${guard})`),
    sql`UPDATE users SET disabled_at = ${isDisabled ? now : null} WHERE ${guard}`,
  ]);
  return (changed?.changes ?? 0) > 0;
}

/** The hashes of the tokens that an account has. Their number is bounded. */
export function readLiveTokens(userId: string): Statement {
  return sql`
    SELECT hash FROM device_tokens INDEXED BY device_tokens_of_user
    WHERE user_id = ${userId} AND revoked_at IS NULL`;
}
