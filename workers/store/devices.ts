/** Lists and revokes device tokens, for their owner or an operator. */

import type { UserId } from '../../spec/ids.ts';
import { BROWSER_SESSION_MS } from './accounts.ts';
import type { Database, Statement } from './database.ts';
import { raw, rowsOf, sql } from './database.ts';
import type { TokenKind } from './schema.ts';

export interface DeviceRow {
  hash: string;
  deviceName: string;
  kind: TokenKind;
  createdAt: number;
  /** When the device was last used, exact to a day. */
  usedAt: number;
}

/** Lists the signed-in devices. The most recently used device comes first. */
export function readDevices(userId: UserId, now: number): Statement {
  return sql`
    SELECT hash, device_name AS deviceName, kind, created_at AS createdAt, coalesce(used_at, created_at) AS usedAt
    FROM device_tokens WHERE user_id = ${userId} AND revoked_at IS NULL
      AND (kind <> 'browser' OR created_at > ${now - BROWSER_SESSION_MS})
    ORDER BY usedAt DESC, createdAt DESC`;
}

export type Revoked = Pick<DeviceRow, 'hash' | 'deviceName'>;

const REVOKED = raw('hash, device_name AS deviceName');

/** Revokes a device. `mark` is the beginning of the hash of its token. */
export function revokeByMark(
  db: Database,
  userId: UserId,
  { mark, now }: { mark: string; now: number },
): Promise<Revoked[]> {
  return db.all<Revoked>(sql`
    UPDATE device_tokens SET revoked_at = ${now}
    WHERE user_id = ${userId} AND revoked_at IS NULL AND hash >= ${mark} AND hash < ${`${mark}g`}
    RETURNING ${REVOKED}`);
}

/** Revokes every device except one. */
export function revokeOthers(
  db: Database,
  userId: UserId,
  { keep, onlyBrowsers, now }: { keep: string; onlyBrowsers: boolean; now: number },
): Promise<Revoked[]> {
  const which = onlyBrowsers ? sql`AND kind = 'browser'` : raw('');
  return db.all<Revoked>(sql`
    UPDATE device_tokens SET revoked_at = ${now}
    WHERE user_id = ${userId} AND revoked_at IS NULL AND hash <> ${keep} ${which}
    RETURNING ${REVOKED}`);
}

export interface OperatorOrder {
  now: number;
  /** The id of the operator. */
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

/** Lists signed-in devices first, then sorts by last use. The number of tokens of an account is bounded. */
export function readDevicesOf(userId: string): Statement {
  return sql`
    SELECT hash, device_name AS deviceName, created_at AS createdAt, coalesce(used_at, created_at) AS usedAt,
      revoked_at AS revokedAt
    FROM device_tokens INDEXED BY device_tokens_of_user WHERE user_id = ${userId}
    ORDER BY revoked_at IS NOT NULL, usedAt DESC, hash`;
}

/** Revokes the device whose hash begins with `mark`. Returns undefined, and writes nothing, if it was already revoked. */
export async function revokeDeviceIfActive(
  db: Database,
  { userId, mark }: { userId: string; mark: string },
  { now, actor, source, reason }: OperatorOrder,
): Promise<{ hash: string } | undefined> {
  const guard = sql`user_id = ${userId} AND hash >= ${mark} AND hash < ${`${mark}g`} AND revoked_at IS NULL`;
  const [, revoked] = await db.batch([
    sql`
      INSERT OR IGNORE INTO audit_log (at, user_id, actor, source, action, subject, detail)
      SELECT ${now}, user_id, ${actor}, ${source}, 'device_revoked', ${mark}, coalesce(${reason}, device_name)
      FROM device_tokens WHERE ${guard}`,
    sql`UPDATE device_tokens SET revoked_at = ${now} WHERE ${guard} RETURNING hash`,
  ]);
  return rowsOf<{ hash: string }>(revoked)[0];
}
