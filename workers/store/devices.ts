/** Lists and revokes device tokens, for their owner or an operator. */

import type { Scope, TokenKind } from '../../spec/access.ts';
import { BOUNDS } from '../../spec/bounds.ts';
import type { UserId } from '../../spec/ids.ts';
import { BROWSER_SESSION_MS, pruneRevoked } from './accounts.ts';
import { auditOrder } from './audit.ts';
import type { Database, Statement } from './database.ts';
import { raw, rowsOf, sql } from './database.ts';

export interface DeviceRow {
  hash: string;
  deviceName: string;
  kind: TokenKind;
  scope: Scope;
  createdAt: number;
  /** When a made token expires. */
  expiresAt: number | null;
  /** When the device was last used, exact to a day. */
  usedAt: number;
}

/** Lists the signed-in devices and the made tokens. The most recently used device comes first. */
export function readDevices(userId: UserId, now: number): Statement {
  return sql`
    SELECT hash, device_name AS deviceName, kind, scope, created_at AS createdAt, expires_at AS expiresAt,
      coalesce(used_at, created_at) AS usedAt
    FROM device_tokens WHERE user_id = ${userId} AND revoked_at IS NULL
      AND (expires_at IS NULL OR expires_at > ${now}) AND (kind <> 'browser' OR created_at > ${now - BROWSER_SESSION_MS})
    ORDER BY usedAt DESC, createdAt DESC`;
}

export interface MadeToken {
  hash: string;
  /** The beginning of the hash, by which people name the token. */
  mark: string;
  userId: UserId;
  name: string;
  scope: Scope;
  expiresAt: number | null;
  now: number;
  source: string;
}

/** Adds a token that a person made. Returns false if the account has reached the limit of such tokens. */
export async function addMadeToken(db: Database, token: MadeToken): Promise<boolean> {
  const { hash, mark, userId, name, scope, expiresAt, now, source } = token;
  const [added] = await db.batch([
    sql`
      INSERT INTO device_tokens (hash, user_id, device_name, kind, scope, created_at, expires_at)
      SELECT ${hash}, ${userId}, ${name}, 'token', ${scope}, ${now}, ${expiresAt}
      WHERE (SELECT count(*) FROM device_tokens WHERE user_id = ${userId} AND kind = 'token'
        AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ${now})) < ${BOUNDS.madeTokens}`,
    auditOrder(
      {
        at: now,
        userId,
        actor: userId,
        source,
        action: 'token_made',
        subject: mark,
        detail: `${scope}: ${name}`,
      },
      sql`EXISTS (SELECT 1 FROM device_tokens WHERE hash = ${hash})`,
    ),
    pruneRevoked(sql`${userId}`),
  ]);
  return (added?.changes ?? 0) > 0;
}

/** Revokes tokens that have expired, so that their channels are closed. */
export function revokeExpired(db: Database, { now, limit }: { now: number; limit: number }) {
  return db.all<{ hash: string; userId: UserId }>(sql`
    UPDATE device_tokens SET revoked_at = ${now} WHERE hash IN (
      SELECT hash FROM device_tokens INDEXED BY device_tokens_expiring
      WHERE expires_at IS NOT NULL AND revoked_at IS NULL AND expires_at <= ${now} LIMIT ${limit})
    RETURNING hash, user_id AS userId`);
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
export interface AccountDevice extends DeviceRow {
  revokedAt: number | null;
}

/** Lists signed-in devices first, then sorts by last use. The number of tokens of an account is bounded. */
export function readDevicesOf(userId: string): Statement {
  return sql`
    SELECT hash, device_name AS deviceName, kind, scope, created_at AS createdAt, expires_at AS expiresAt,
      coalesce(used_at, created_at) AS usedAt, revoked_at AS revokedAt
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
