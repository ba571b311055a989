/** One-time links. One batch marks the link as used and writes its effect, so that both happen or neither does. */

import type { UserId } from '../../spec/ids.ts';
import type { User } from './accounts.ts';
import type { Database, Statement } from './database.ts';
import { rowsOf, sql } from './database.ts';
import type { LinkPurpose, oneTimeLinks } from './schema.ts';
import type { RowOf } from './table.ts';

type LinkRow = RowOf<typeof oneTimeLinks>;

export type NewLink = Pick<LinkRow, 'hash' | 'purpose' | 'role' | 'email' | 'userId' | 'createdBy'> & {
  createdAt: number;
  expiresAt: number;
};

/** A valid link. */
export type OpenLink = Pick<LinkRow, 'role' | 'email' | 'userId' | 'expiresAt'>;

/** Identifies a link, with the time for which it must be valid. */
export interface LinkKey {
  hash: string;
  purpose: LinkPurpose;
  now: number;
}

function isOpen(now: number): Statement {
  return sql`used_at IS NULL AND revoked_at IS NULL AND expires_at > ${now}`;
}

const NO_OPERATOR = sql`NOT EXISTS (SELECT 1 FROM users WHERE role = 'operator')`;

/** Adds a link if the condition `where` is true. */
export function addLink(link: NewLink, where: Statement): Statement {
  const { hash, purpose, role, email, userId, createdBy, createdAt, expiresAt } = link;
  return sql`
    INSERT INTO one_time_links (hash, purpose, role, email, user_id, created_by, created_at, expires_at)
    SELECT ${hash}, ${purpose}, ${role}, ${email}, ${userId}, ${createdBy}, ${createdAt}, ${expiresAt}
    WHERE ${where}`;
}

/** The condition that this link exists. */
export function isLink(hash: string): Statement {
  return sql`EXISTS (SELECT 1 FROM one_time_links WHERE hash = ${hash})`;
}

/** Reads a valid link. A set-up link is valid only while there is no operator. */
export function readOpenLink(db: Database, { hash, purpose, now }: LinkKey): Promise<OpenLink | undefined> {
  const also = purpose === 'setup' ? NO_OPERATOR : sql`TRUE`;
  return db.first<OpenLink>(sql`
    SELECT role, email, user_id AS userId, expires_at AS expiresAt FROM one_time_links
    WHERE hash = ${hash} AND purpose = ${purpose} AND ${isOpen(now)} AND ${also}`);
}

export interface LinkAccount {
  id: UserId;
  email: string;
  name: string;
  passwordHash: string;
}

/**
 * Uses a link and creates its account. Returns undefined if the link is no longer valid, or if the address has an
 * account.
 */
export async function redeemForAccount(
  db: Database,
  { hash, purpose, now }: LinkKey,
  { account, source }: { account: LinkAccount; source: string },
): Promise<User | undefined> {
  const { id, email, name, passwordHash } = account;
  const also = purpose === 'setup' ? NO_OPERATOR : sql`(email IS NULL OR email = ${email})`;
  const used = sql`FROM one_time_links WHERE hash = ${hash} AND used_by = ${id}`;
  const [, made] = await db.batch([
    sql`
      UPDATE one_time_links SET used_at = ${now}, used_by = ${id}
      WHERE hash = ${hash} AND purpose = ${purpose} AND ${isOpen(now)} AND ${also}
        AND NOT EXISTS (SELECT 1 FROM users WHERE email = ${email})`,
    sql`
      INSERT INTO users (id, email, name, role, password_hash, created_at)
      SELECT ${id}, ${email}, ${name}, role, ${passwordHash}, ${now} ${used}
      RETURNING id, email, name, role`,
    sql`
      INSERT OR IGNORE INTO audit_log (at, user_id, actor, source, action, subject, detail)
      SELECT ${now}, ${id}, ${id}, ${source}, 'account_created', purpose,
        role || coalesce(', invited by ' || created_by, '') ${used}`,
  ]);
  return rowsOf<User>(made)[0];
}

/**
 * Uses a link and sets the password of its account. It revokes every token of the account, because somebody else may know
 * the old password. `use` identifies this use. Returns undefined if the link is no longer valid.
 */
export async function redeemForPassword(
  db: Database,
  { hash, now }: Omit<LinkKey, 'purpose'>,
  { use, passwordHash, source }: { use: string; passwordHash: string; source: string },
): Promise<{ userId: UserId; revoked: string[] } | undefined> {
  const owner = sql`(SELECT user_id FROM one_time_links WHERE hash = ${hash} AND used_by = ${use})`;
  const [, changed, tokens] = await db.batch([
    sql`
      UPDATE one_time_links SET used_at = ${now}, used_by = ${use}
      WHERE hash = ${hash} AND purpose = 'password' AND ${isOpen(now)}`,
    sql`UPDATE users SET password_hash = ${passwordHash} WHERE id = ${owner} RETURNING id, email`,
    sql`
      UPDATE device_tokens SET revoked_at = ${now} WHERE user_id = ${owner} AND revoked_at IS NULL RETURNING hash`,
    sql`
      DELETE FROM sign_in_failures
      WHERE subject = (SELECT 'account:' || email FROM users WHERE id = ${owner})`,
    sql`
      INSERT OR IGNORE INTO audit_log (at, user_id, actor, source, action, subject, detail)
      SELECT ${now}, user_id, user_id, ${source}, 'password_changed', 'password', 'by a link of ' || created_by
      FROM one_time_links WHERE hash = ${hash} AND used_by = ${use}`,
  ]);
  const [user] = rowsOf<{ id: UserId }>(changed);
  return user && { userId: user.id, revoked: rowsOf<{ hash: string }>(tokens).map((row) => row.hash) };
}

/** A row of the list of invitations. Open invitations come first, then ended invitations, each newest first. */
export interface InvitationRow extends Pick<LinkRow, 'hash' | 'email' | 'createdAt' | 'expiresAt'> {
  role: 'member' | 'operator';
  createdBy: string;
  usedAt: number | null;
  usedBy: string | null;
  revokedAt: number | null;
}

const SHOWN_LINKS = 200;

export function readInvitations(now: number): Statement {
  return sql`
    SELECT l.hash, l.role, l.email, l.created_at AS createdAt, l.expires_at AS expiresAt, o.email AS createdBy,
      l.used_at AS usedAt, u.email AS usedBy, l.revoked_at AS revokedAt
    FROM one_time_links l LEFT JOIN users o ON o.id = l.created_by LEFT JOIN users u ON u.id = l.used_by
    WHERE l.purpose = 'invitation' ORDER BY (l.used_at IS NULL AND l.revoked_at IS NULL AND l.expires_at > ${now}) DESC,
      l.created_at DESC, l.hash LIMIT ${SHOWN_LINKS}`;
}

/** The condition that fewer than `limit` invitations are open. */
export function hasRoomForInvitation(now: number, limit: number): Statement {
  return sql`(SELECT count(*) FROM one_time_links WHERE purpose = 'invitation' AND ${isOpen(now)}) < ${limit}`;
}

/** Revokes the open invitation whose hash begins with `mark`. Returns false if it had already ended. */
export async function revokeInvitation(
  db: Database,
  mark: string,
  { now, actor, source }: { now: number; actor: UserId; source: string },
): Promise<boolean> {
  const guard = sql`
    purpose = 'invitation' AND hash >= ${mark} AND hash < ${`${mark}g`} AND ${isOpen(now)}`;
  const [, revoked] = await db.batch([
    sql`
      INSERT OR IGNORE INTO audit_log (at, user_id, actor, source, action, subject)
      SELECT ${now}, ${actor}, ${actor}, ${source}, 'revoke_invitation', ${mark} FROM one_time_links WHERE ${guard}`,
    sql`UPDATE one_time_links SET revoked_at = ${now} WHERE ${guard}`,
  ]);
  return (revoked?.changes ?? 0) > 0;
}

/** Revokes the links that can set the password of an account. */
export function revokePasswordLinks(userId: UserId, now: number): Statement {
  return sql`
    UPDATE one_time_links SET revoked_at = ${now}
    WHERE user_id = ${userId} AND purpose = 'password' AND ${isOpen(now)}`;
}
