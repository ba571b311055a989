/** Accounts, their tokens, and the counters of failed sign-ins. */

import type { Scope, TokenKind } from '../../spec/access.ts';
import { BOUNDS } from '../../spec/bounds.ts';
import type { UserId } from '../../spec/ids.ts';
import type { Database, Statement } from './database.ts';
import { rowsOf, sql } from './database.ts';
import type { users } from './schema.ts';
import type { RowOf } from './table.ts';

export type User = Pick<RowOf<typeof users>, 'id' | 'email' | 'name' | 'role'>;

export interface UserWithPassword extends User {
  passwordHash: string;
  disabledAt: number | null;
}

/** How long a browser stays signed in. The token of a terminal does not expire. */
export const BROWSER_SESSION_MS = 30 * 24 * 60 * 60_000;

export interface TokenOwner extends User {
  kind: TokenKind;
  scope: Scope;
  deviceName: string;
  expiresAt: number | null;
  createdAt: number;
  usedAt: number;
}

/** Returns the owner of a valid token, and when the use of the token was last recorded. */
export function userOfToken(db: Database, tokenHash: string, now: number): Promise<TokenOwner | undefined> {
  return db.first<TokenOwner>(sql`
    SELECT u.id, u.email, u.name, u.role, t.kind, t.scope, t.device_name AS deviceName, t.expires_at AS expiresAt,
      t.created_at AS createdAt, coalesce(t.used_at, t.created_at) AS usedAt
    FROM device_tokens t JOIN users u ON u.id = t.user_id
    WHERE t.hash = ${tokenHash} AND ${isLive(now)} AND u.disabled_at IS NULL`);
}

function isLive(now: number): Statement {
  return sql`t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > ${now})`;
}

export function userByEmail(db: Database, email: string): Promise<UserWithPassword | undefined> {
  return db.first<UserWithPassword>(sql`
    SELECT id, email, name, role, password_hash AS passwordHash, disabled_at AS disabledAt
    FROM users WHERE email = ${email}`);
}

/** Stores a new password. Returns false if the password is no longer the one that was checked. */
export function replacePassword(
  db: Database,
  userId: UserId,
  { from, to }: { from: string; to: string },
): Promise<boolean> {
  return db.write(
    sql`UPDATE users SET password_hash = ${to} WHERE id = ${userId} AND password_hash = ${from}`,
  );
}

export async function isLiveToken(db: Database, tokenHash: string, now: number): Promise<boolean> {
  return (await db.first(readLiveToken(tokenHash, now))) !== undefined;
}

/** Returns one row if the token is valid. */
export function readLiveToken(tokenHash: string, now: number): Statement {
  return sql`
    SELECT 1 FROM device_tokens t JOIN users u ON u.id = t.user_id
    WHERE t.hash = ${tokenHash} AND ${isLive(now)} AND u.disabled_at IS NULL`;
}

export interface NewToken {
  hash: string;
  userId: UserId;
  deviceName: string;
  kind: TokenKind;
  now: number;
}

/** Adds a token. Above the limit, revokes the tokens that were unused for the longest time, and returns their hashes. */
export async function addToken(
  db: Database,
  { hash, userId, deviceName, kind, now }: NewToken,
): Promise<readonly string[]> {
  const [, revoked] = await db.batch([
    sql`
      INSERT INTO device_tokens (hash, user_id, device_name, kind, created_at)
      VALUES (${hash}, ${userId}, ${deviceName}, ${kind}, ${now})`,
    ...boundTokens({ hash, owner: sql`${userId}`, now }),
  ]);
  return rowsOf<{ hash: string }>(revoked).map((row) => row.hash);
}

/**
 * Keeps an account within its bound after a sign-in added the token `hash`: revokes the sign-ins that were unused for the
 * longest time and returns their hashes, and deletes the oldest revoked tokens. Made tokens stay: a runner or a CI system
 * uses them.
 */
export function boundTokens(at: { hash: string; owner: Statement; now: number }): Statement[] {
  const { hash, owner, now } = at;
  return [
    sql`
      UPDATE device_tokens SET revoked_at = ${now} WHERE hash IN (
        SELECT hash FROM device_tokens
        WHERE user_id = ${owner} AND revoked_at IS NULL AND kind <> 'token' AND hash <> ${hash}
        ORDER BY coalesce(used_at, created_at) DESC LIMIT -1 OFFSET ${BOUNDS.deviceTokens - 1})
      RETURNING hash`,
    pruneRevoked(owner),
  ];
}

/** Deletes the oldest revoked tokens of an account. */
export function pruneRevoked(owner: Statement): Statement {
  return sql`
    DELETE FROM device_tokens WHERE hash IN (
      SELECT hash FROM device_tokens WHERE user_id = ${owner} AND revoked_at IS NOT NULL
      ORDER BY revoked_at DESC LIMIT -1 OFFSET ${BOUNDS.deviceTokens})`;
}

/** Records the use of a token, at most once in `every` ms. */
export function noteTokenUse(
  db: Database,
  hash: string,
  { now, every }: { now: number; every: number },
): Promise<boolean> {
  return db.write(sql`
    UPDATE device_tokens SET used_at = ${now}
    WHERE hash = ${hash} AND revoked_at IS NULL AND coalesce(used_at, created_at) <= ${now - every}`);
}

/** Revokes a token. Returns false if it was already revoked. */
export function revokeIfActive(db: Database, hash: string, now: number): Promise<boolean> {
  return db.write(
    sql`UPDATE device_tokens SET revoked_at = ${now} WHERE hash = ${hash} AND revoked_at IS NULL`,
  );
}

/** The failed tries of one subject in the current window. */
export interface Tries {
  subject: string;
  failures: number;
  windowStartedAt: number;
}

/** Reads the failed tries of these subjects in windows that began after `since`. Writes nothing. */
export function readTries(subjects: readonly string[], since: number): Statement {
  return sql`
    SELECT subject, failures, window_started_at AS windowStartedAt FROM sign_in_failures
    WHERE subject IN (SELECT value FROM json_each(${JSON.stringify(subjects)})) AND window_started_at > ${since}`;
}

/** Returns one row if this device was signed in to the account. A revoked token is enough. */
export function readKnownDevice(tokenHash: string, email: string): Statement {
  return sql`
    SELECT 1 AS known FROM device_tokens t JOIN users u ON u.id = t.user_id
    WHERE t.hash = ${tokenHash} AND u.email = ${email}`;
}

/**
 * Counts one more try for every subject and returns the number of tries in its window. The try is counted before it is
 * judged, so that many tries at the same time cannot pass together. After a window has ended, a new one begins.
 */
export async function takeTries(
  db: Database,
  subjects: readonly string[],
  { now, since }: { now: number; since: number },
): Promise<Tries[]> {
  const results = await db.batch(
    subjects.map(
      (subject) => sql`
        INSERT INTO sign_in_failures (subject, window_started_at, failures) VALUES (${subject}, ${now}, 1)
        ON CONFLICT (subject) DO UPDATE SET
          failures = CASE WHEN window_started_at > ${since} THEN failures + 1 ELSE 1 END,
          window_started_at = CASE WHEN window_started_at > ${since} THEN window_started_at ELSE ${now} END
        RETURNING subject, failures, window_started_at AS windowStartedAt`,
    ),
  );
  return results.flatMap((result) => rowsOf<Tries>(result));
}

/** Subtracts a successful try, because only failures count. */
export async function giveTriesBack(db: Database, subjects: readonly string[]): Promise<void> {
  await db.write(sql`
    UPDATE sign_in_failures SET failures = max(0, failures - 1)
    WHERE subject IN (SELECT value FROM json_each(${JSON.stringify(subjects)}))`);
}

/** Stores a new code in place of the old code. The tries of `subject` start again from zero. */
export async function putCode(
  db: Database,
  email: string,
  { codeHash, expiresAt, subject }: { codeHash: string; expiresAt: number; subject: string },
): Promise<void> {
  await db.batch([
    sql`
      INSERT INTO sign_in_codes (email, code_hash, expires_at, tries) VALUES (${email}, ${codeHash}, ${expiresAt}, 0)
      ON CONFLICT (email) DO UPDATE SET code_hash = excluded.code_hash, expires_at = excluded.expires_at, tries = 0`,
    sql`DELETE FROM sign_in_failures WHERE subject = ${subject}`,
  ]);
}

/** Uses one try and reads the code. Returns undefined if there is no code, if it is too old, or if no try is left. */
export function tryCode(db: Database, email: string, { now, maxTries }: { now: number; maxTries: number }) {
  return db.first<{ codeHash: string }>(sql`
    UPDATE sign_in_codes SET tries = tries + 1
    WHERE email = ${email} AND expires_at > ${now} AND tries < ${maxTries} RETURNING code_hash AS codeHash`);
}

/** Uses up a code. Returns true only for the first call. */
export function takeCode(db: Database, email: string, codeHash: string): Promise<boolean> {
  return db.write(sql`DELETE FROM sign_in_codes WHERE email = ${email} AND code_hash = ${codeHash}`);
}
