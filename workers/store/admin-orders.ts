/** Orders of operators about accounts: each one guarded statement, with its entry in the audit log under the same guard. */

import type { Database, Statement } from './database.ts';
import { rowsOf, sql } from './database.ts';

export interface OperatorOrder {
  now: number;
  /** Id of the operator. */
  actor: string;
  source: string;
  reason: string | undefined;
}

/** A device of an account, without what could be used to sign in. */
export interface AccountDevice {
  hash: string;
  deviceName: string;
  createdAt: number;
  usedAt: number;
  revokedAt: number | null;
}

/** Those that are signed in first, then by their last use. The number of tokens of an account is bounded. */
export function readDevicesOf(userId: string): Statement {
  return sql`
    SELECT hash, device_name AS deviceName, created_at AS createdAt, coalesce(used_at, created_at) AS usedAt,
      revoked_at AS revokedAt
    FROM device_tokens INDEXED BY device_tokens_of_user WHERE user_id = ${userId}
    ORDER BY revoked_at IS NOT NULL, usedAt DESC, hash`;
}

/** Revokes the device whose hash begins with `mark`. Undefined: it was revoked before, and nothing was written. */
export async function revokeDeviceIfActive(
  db: Database,
  { userId, mark }: { userId: string; mark: string },
  { now, actor, source, reason }: OperatorOrder,
): Promise<{ hash: string } | undefined> {
  const guard = sql`user_id = ${userId} AND hash >= ${mark} AND hash < ${`${mark}g`} AND revoked_at IS NULL`;
  const [, revoked] = await db.batch([
    sql`
      INSERT OR IGNORE INTO audit_log (at, user_id, actor, source, action, subject, detail)
      SELECT ${now}, user_id, ${actor}, ${source}, 'revoke_device', ${mark}, coalesce(${reason}, device_name)
      FROM device_tokens WHERE ${guard}`,
    sql`UPDATE device_tokens SET revoked_at = ${now} WHERE ${guard} RETURNING hash`,
  ]);
  return rowsOf<{ hash: string }>(revoked)[0];
}
