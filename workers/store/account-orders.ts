/**
 * Lists accounts, and carries out the orders of operators. Each order is one guarded statement with an entry in the
 * audit log.
 */

import { ACCOUNT_LIMITS, type AccountLimit } from '../../spec/bounds.ts';
import type { UserId } from '../../spec/ids.ts';
import type { User } from './accounts.ts';
import { auditOrder } from './audit.ts';
import type { Database, Statement } from './database.ts';
import { join, raw, sql } from './database.ts';

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
 * always has an operator. Returns false if the account already has the requested state, or if the person is no longer an operator.
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

/** New values for limits of an account. Null restores the limit of the deployment. An absent limit stays unchanged. */
export type LimitChanges = { [Name in AccountLimit]?: number | null | undefined };

/**
 * Changes limits of an account. Returns false if the limits already have these values, if a limit no longer has its value in `seen`, or if
 * the person is
 * no longer an operator. The entry in the audit log has the old and the new values.
 */
export async function setLimits(
  db: Database,
  userId: string,
  { changes, seen = {}, ...order }: Order & { changes: LimitChanges; seen?: LimitChanges | undefined },
): Promise<boolean> {
  const { now, actor, source, reason } = order;
  const guard = sql`user_id = ${userId} AND (${join(
    limitEntries(changes).map(([name, value]) => sql`${setLimit(name)} IS NOT ${value}`),
    ' OR ',
  )}) AND ${join([raw('TRUE'), ...limitEntries(seen).map(([name, value]) => sql`${setLimit(name)} IS ${value}`)], ' AND ')}
    AND EXISTS (SELECT 1 FROM users WHERE id = ${actor} AND role = 'operator' AND disabled_at IS NULL)`;
  const entry = {
    // Two changes in one millisecond get two entries, in their order.
    at: sql`(SELECT max(${now}, coalesce(max(at) + 1, 0)) FROM audit_log
      WHERE user_id = ${userId} AND subject = 'account')`,
    userId,
    actor,
    source,
    action: 'change_limits' as const,
    subject: 'account',
    detail: sql`(SELECT ${changeWords(changes)} || ${reason === undefined ? '' : `: ${reason}`}
      FROM account_usage WHERE user_id = ${userId})`,
  };
  const [, changed] = await db.batch([
    auditOrder(entry, sql`EXISTS (SELECT 1 FROM account_usage WHERE ${guard})`),
    sql`UPDATE account_usage SET limits = json_patch(coalesce(limits, '{}'), ${JSON.stringify(changes)}) WHERE ${guard}`,
  ]);
  return (changed?.changes ?? 0) > 0;
}

/** The limit that an operator set, or NULL. */
function setLimit(name: AccountLimit): Statement {
  return raw(`(limits ->> '$.${name}')`);
}

/** Text such as `ideas 100 → 5, machines default → 7`, of the limits that change. */
function changeWords(changes: LimitChanges): Statement {
  const parts = limitEntries(changes).map(
    ([name, value]) => sql`
    iif(${setLimit(name)} IS NOT ${value},
      ${`, ${name} `} || coalesce(${setLimit(name)}, 'default') || ${` → ${value ?? 'default'}`}, '')`,
  );
  return sql`substr(${join(parts, ' || ')}, 3)`;
}

function limitEntries(changes: LimitChanges): [AccountLimit, number | null][] {
  return ACCOUNT_LIMITS.flatMap((name) => {
    const value = changes[name];
    return value === undefined ? [] : [[name, value] as [AccountLimit, number | null]];
  });
}

/** Reads the hashes of the valid tokens of an account. Their number is bounded. */
export function readLiveTokens(userId: string): Statement {
  return sql`
    SELECT hash FROM device_tokens INDEXED BY device_tokens_of_user
    WHERE user_id = ${userId} AND revoked_at IS NULL`;
}
