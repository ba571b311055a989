/** The sign-in requests of terminals. A request exists until a person has decided and the terminal has fetched its token. */

import { BOUNDS } from '../../spec/bounds.ts';
import type { UserId } from '../../spec/ids.ts';
import { boundTokens, type User } from './accounts.ts';
import { auditOrder } from './audit.ts';
import type { Database, Statement } from './database.ts';
import { rowsOf, sql } from './database.ts';
import type { deviceRequests } from './schema.ts';
import type { RowOf } from './table.ts';

type RequestRow = RowOf<typeof deviceRequests>;

export type NewRequest = Pick<
  RequestRow,
  'hash' | 'userCode' | 'deviceName' | 'network' | 'source' | 'createdAt' | 'expiresAt' | 'intervalMs'
>;

/** Adds a request, and removes ended requests. Returns false if too many requests wait. */
export async function addRequest(db: Database, request: NewRequest): Promise<boolean> {
  const { hash, userCode, deviceName, network, source, createdAt, expiresAt, intervalMs } = request;
  const [, added] = await db.batch([
    sql`DELETE FROM device_requests WHERE expires_at <= ${createdAt}`,
    sql`
      INSERT OR IGNORE INTO device_requests
        (hash, user_code, device_name, network, source, created_at, expires_at, interval_ms)
      SELECT ${hash}, ${userCode}, ${deviceName}, ${network}, ${source}, ${createdAt}, ${expiresAt}, ${intervalMs}
      WHERE (SELECT count(*) FROM device_requests WHERE network = ${network}) < ${BOUNDS.deviceRequestsOfNetwork}
        AND (SELECT count(*) FROM device_requests) < ${BOUNDS.deviceRequests}`,
  ]);
  return (added?.changes ?? 0) > 0;
}

/** The parts of a request that the deciding person sees. */
export type ShownRequest = Pick<
  RequestRow,
  'userCode' | 'deviceName' | 'network' | 'source' | 'createdAt' | 'expiresAt' | 'decision' | 'userId'
>;

export function readByCode(db: Database, userCode: string, now: number): Promise<ShownRequest | undefined> {
  return db.first<ShownRequest>(sql`
    SELECT user_code AS userCode, device_name AS deviceName, network, source, created_at AS createdAt,
      expires_at AS expiresAt, decision, user_id AS userId
    FROM device_requests WHERE user_code = ${userCode} AND expires_at > ${now}`);
}

/** Counts the undecided requests of a network. Their number is bounded. */
export function readWaitingIn(network: string, now: number): Statement {
  return sql`
    SELECT count(*) AS count, coalesce(max(created_at), 0) AS newestAt
    FROM device_requests INDEXED BY device_requests_of_network
    WHERE network = ${network} AND decision IS NULL AND expires_at > ${now}`;
}

export interface Decision {
  now: number;
  userId: UserId;
  decision: 'approved' | 'denied';
  source: string;
}

/** Records the decision. Returns false if the request was already decided or has ended. */
export async function decide(
  db: Database,
  request: ShownRequest,
  { now, userId, decision, source }: Decision,
): Promise<boolean> {
  const { userCode, deviceName } = request;
  const guard = sql`user_code = ${userCode} AND decision IS NULL AND expires_at > ${now}`;
  const action = decision === 'approved' ? ('device_approved' as const) : ('device_denied' as const);
  const entry = {
    at: now,
    userId,
    actor: userId,
    source,
    action,
    subject: request.network,
    detail: deviceName,
  };
  const [, decided] = await db.batch([
    auditOrder(entry, sql`EXISTS (SELECT 1 FROM device_requests WHERE ${guard})`),
    sql`UPDATE device_requests SET decision = ${decision}, user_id = ${userId} WHERE ${guard}`,
  ]);
  return (decided?.changes ?? 0) > 0;
}

export type PolledRequest = Pick<RequestRow, 'expiresAt' | 'intervalMs' | 'polledAt' | 'decision'>;

export function readByHash(db: Database, hash: string): Promise<PolledRequest | undefined> {
  return db.first<PolledRequest>(sql`
    SELECT expires_at AS expiresAt, interval_ms AS intervalMs, polled_at AS polledAt, decision
    FROM device_requests WHERE hash = ${hash}`);
}

/** Records a poll. `intervalMs` is the time that the terminal must wait between polls from now on. */
export function notePoll(
  db: Database,
  hash: string,
  { now, intervalMs }: { now: number; intervalMs: number },
): Promise<boolean> {
  return db.write(sql`
    UPDATE device_requests SET polled_at = ${now}, interval_ms = ${intervalMs} WHERE hash = ${hash}`);
}

/**
 * Turns an approved request into a token, only once. Returns undefined if it is not approved, has ended, or the account
 * is disabled.
 */
export async function exchange(
  db: Database,
  { hash, tokenHash, now }: { hash: string; tokenHash: string; now: number },
): Promise<{ user: User; deviceName: string; displaced: string[] } | undefined> {
  const owner = sql`(SELECT user_id FROM device_tokens WHERE hash = ${tokenHash})`;
  const [added, displaced, , , users] = await db.batch([
    sql`
      INSERT INTO device_tokens (hash, user_id, device_name, kind, created_at)
      SELECT ${tokenHash}, u.id, r.device_name, 'cli', ${now}
      FROM device_requests r JOIN users u ON u.id = r.user_id
      WHERE r.hash = ${hash} AND r.decision = 'approved' AND r.expires_at > ${now} AND u.disabled_at IS NULL
      RETURNING device_name AS deviceName`,
    ...boundTokens({ hash: tokenHash, owner, now }),
    sql`
      DELETE FROM device_requests
      WHERE hash = ${hash} AND EXISTS (SELECT 1 FROM device_tokens WHERE hash = ${tokenHash})`,
    sql`SELECT id, email, name, role FROM users WHERE id = ${owner}`,
  ]);
  const [token] = rowsOf<{ deviceName: string }>(added);
  const [user] = rowsOf<User>(users);
  if (token === undefined || user === undefined) return undefined;
  return { user, ...token, displaced: rowsOf<{ hash: string }>(displaced).map((row) => row.hash) };
}
