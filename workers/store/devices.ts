/** Device tokens as their owner lists and revokes them. */

import type { UserId } from '../../spec/ids.ts';
import { BROWSER_SESSION_MS } from './accounts.ts';
import type { Database, Statement } from './database.ts';
import { raw, sql } from './database.ts';
import type { TokenKind } from './schema.ts';

export interface DeviceRow {
  hash: string;
  deviceName: string;
  kind: TokenKind;
  createdAt: number;
  /** To a day. */
  usedAt: number;
}

/** Devices that are signed in; those used last come first. */
export function readDevices(userId: UserId, now: number): Statement {
  return sql`
    SELECT hash, device_name AS deviceName, kind, created_at AS createdAt, coalesce(used_at, created_at) AS usedAt
    FROM device_tokens WHERE user_id = ${userId} AND revoked_at IS NULL
      AND (kind <> 'browser' OR created_at > ${now - BROWSER_SESSION_MS})
    ORDER BY usedAt DESC, createdAt DESC`;
}

export type Revoked = Pick<DeviceRow, 'hash' | 'deviceName'>;

const REVOKED = raw('hash, device_name AS deviceName');

/** `mark`: the first characters of the hash. */
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

/** Every device but the one to keep. */
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
