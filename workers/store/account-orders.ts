/**
 * Lists accounts, and carries out the orders of operators. Each order is one guarded statement with an entry in the
 * audit log.
 */

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

/** Reads accounts in the order of their ids, which is the order of their creation. */
export function readAccounts({ after, limit }: { after: string; limit: number }): Statement {
  return sql`SELECT ${LISTED} FROM users WHERE id > ${after} ORDER BY id LIMIT ${limit}`;
}

/** Reads an account. `account` is its id or its e-mail address. */
export function readAccount(account: string): Statement {
  return sql`
    SELECT ${LISTED} FROM users WHERE id = ${account}
    UNION SELECT ${LISTED} FROM users WHERE email = ${account.toLowerCase()}`;
}

export interface Order {
  now: number;
  /** The id of the operator. */
  actor: UserId;
  source: string;
  reason: string | undefined;
}

/**
 * Disables or enables an account. The person must still be an operator, and cannot disable their own account, so the server
 * always has an operator. Returns false if nothing had to change, or if the person is no longer an operator.
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

/** Reads the hashes of the valid tokens of an account. Their number is bounded. */
export function readLiveTokens(userId: string): Statement {
  return sql`
    SELECT hash FROM device_tokens INDEXED BY device_tokens_of_user
    WHERE user_id = ${userId} AND revoked_at IS NULL`;
}
