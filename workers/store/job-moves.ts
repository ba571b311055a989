/**
 * Every move of a job: one guarded statement each, derived from the transition table. The guard names the status it may
 * come from and, where a lease is involved, the lease. No row back means: the guard said no, and nothing changed.
 */

import type { FailureKind } from '../../spec/job/kinds.ts';
import type { Route } from '../../spec/job/routing.ts';
import type { JobVerb } from '../../spec/job/status.ts';
import { TRANSITIONS } from '../../spec/job/status.ts';
import type { Database, Row, Statement, Value } from './database.ts';
import { sql } from './database.ts';
import type { JobRow } from './job-row.ts';
import { HELD, jobColumns } from './job-row.ts';

/** Which job, and whose. */
export interface JobKey {
  userId: string;
  id: string;
}

/** A statement from parts: conditions and assignments with their values, in order. */
function update(
  key: JobKey,
  verb: JobVerb,
  parts: { set: [string, Value | undefined][]; where: [string, Value][] },
): Statement {
  const { from, to } = TRANSITIONS[verb];
  const statuses = from.map((status) => `'${status}'`).join(', ');
  const assignments = [`status = '${to}'`, ...parts.set.map(([assignment]) => assignment)];
  const conditions = [
    'user_id = ?',
    'id = ?',
    `status IN (${statuses})`,
    ...parts.where.map(([condition]) => condition),
  ];
  return {
    sql: `UPDATE jobs SET ${assignments.join(', ')} WHERE ${conditions.join(' AND ')} RETURNING ${jobColumns()}`,
    values: [
      ...parts.set.map(([, value]) => value).filter((value) => value !== undefined),
      key.userId,
      key.id,
      ...parts.where.map(([, value]) => value),
    ],
  };
}

const CLEAR_ATTEMPT: [string, undefined][] = [
  'machine_id = NULL',
  'instance = NULL',
  'claim_id = NULL',
  'lease_id = NULL',
  'lease_expires_at = NULL',
  'project_root = NULL',
  'orp_session_id = NULL',
  'codex_session_id = NULL',
  'session_source = NULL',
  'fallback_reason = NULL',
  'claimed_at = NULL',
  'started_at = NULL',
  'finished_at = NULL',
  'failure_kind = NULL',
  'error = NULL',
  'summary = NULL',
  'content = NULL',
  'cancelled_by = NULL',
  'cancel_reason = NULL',
  'cancel_confirmed_at = NULL',
  'stop_receipt = NULL',
].map((assignment) => [assignment, undefined]);

export interface Claim {
  leaseId: string;
  claimId: string | undefined;
  instance: string | undefined;
  route: Route;
  now: number;
  leaseExpiresAt: number;
}

/** Takes a queued job whose time has come, unless its session is at work on another one. */
export async function takeIfAvailable(
  db: Database,
  key: JobKey,
  claim: Claim,
): Promise<(JobRow & { prompt: string }) | undefined> {
  const { route, now } = claim;
  return db.first<JobRow & { prompt: string }>({
    sql: `UPDATE jobs SET status = 'dispatched', lease_id = ?, claim_id = ?, instance = ?, machine_id = ?,
            project_root = ?, orp_session_id = ?, codex_session_id = ?, session_source = ?, fallback_reason = ?,
            lease_expires_at = ?, claimed_at = ?, updated_at = ?, attempt = attempt + 1,
            attempts_used = attempts_used + 1, lease_count = lease_count + 1
          WHERE user_id = ? AND id = ? AND status = 'queued' AND available_at <= ? AND expires_at > ?
            AND NOT EXISTS (SELECT 1 FROM jobs other INDEXED BY jobs_live WHERE other.user_id = ? AND other.finished_at IS NULL
              AND other.status IN ${HELD} AND other.codex_session_id = ?)
          RETURNING ${jobColumns()}, prompt`,
    values: [
      claim.leaseId,
      claim.claimId,
      claim.instance,
      route.machineId,
      route.projectRoot,
      route.orpSessionId,
      route.codexSessionId,
      route.source,
      route.fallbackReason,
      claim.leaseExpiresAt,
      now,
      now,
      key.userId,
      key.id,
      now,
      now,
      key.userId,
      route.codexSessionId,
    ],
  });
}

/** The holder starts; a run that names itself must be the one that the lease was handed to last. */
export function startIfHeld(
  db: Database,
  key: JobKey,
  lease: { leaseId: string; machineId: string; instance: string | undefined; now: number },
): Promise<JobRow | undefined> {
  return db.first<JobRow>(
    update(key, 'start', {
      set: [
        ['started_at = ?', lease.now],
        ['updated_at = ?', lease.now],
      ],
      where: [
        ['lease_id = ?', lease.leaseId],
        ['machine_id = ?', lease.machineId],
        ["coalesce(nullif(?, ''), instance, '') = coalesce(instance, '')", lease.instance ?? ''],
      ],
    }),
  );
}

/** Hands a lease that was never started to the run that asks now. */
export function redeliverIfUnstarted(
  db: Database,
  key: JobKey,
  lease: { leaseId: string; expiresAt: number; claimId: string | undefined; instance: string | undefined },
): Promise<boolean> {
  return db.write(sql`
    UPDATE jobs SET lease_expires_at = ${lease.expiresAt}, claim_id = ${lease.claimId}, instance = ${lease.instance}
    WHERE user_id = ${key.userId} AND id = ${key.id} AND status = 'dispatched' AND lease_id = ${lease.leaseId}`);
}

/** Renews what D1 knows of a live lease; false when it is not live any more. */
export function renewIfHeld(
  db: Database,
  key: JobKey,
  lease: { leaseId: string; expiresAt: number },
): Promise<boolean> {
  return db.write(sql`
    UPDATE jobs SET lease_expires_at = ${lease.expiresAt}
    WHERE user_id = ${key.userId} AND id = ${key.id} AND status IN ('dispatched', 'running') AND lease_id = ${lease.leaseId}`);
}

export interface Outcome {
  leaseId: string;
  machineId: string;
  now: number;
  success: boolean;
  summary: string | undefined;
  content: string | undefined;
  error: string | undefined;
  failureKind: FailureKind | undefined;
}

/** The holder delivers. */
export function finishIfHeld(key: JobKey, outcome: Outcome): Statement {
  return update(key, outcome.success ? 'complete' : 'fail', {
    set: [
      ['finished_at = ?', outcome.now],
      ['updated_at = ?', outcome.now],
      ['summary = ?', outcome.summary ?? null],
      ['content = ?', outcome.content ?? null],
      ['error = ?', outcome.error ?? null],
      ['failure_kind = ?', outcome.failureKind ?? null],
    ],
    where: [
      ['lease_id = ?', outcome.leaseId],
      ['machine_id = ?', outcome.machineId],
    ],
  });
}

/** A sweep's guard: the very lease it read, with the very expiry it read. A renewal in between makes it match nothing. */
export interface ExpiredLease {
  leaseId: string;
  leaseExpiresAt: number;
}

function expired(lease: ExpiredLease): [string, Value][] {
  return [
    ['lease_id = ?', lease.leaseId],
    ['lease_expires_at = ?', lease.leaseExpiresAt],
  ];
}

/** Never started: back to the queue, its attempt is given back. */
export function releaseIfExpired(key: JobKey, lease: ExpiredLease, now: number): Statement[] {
  const guard = expired(lease);
  return [
    archive(key, { outcome: 'released', verb: 'release', now, where: guard }),
    update(key, 'release', {
      set: [
        ...CLEAR_ATTEMPT,
        ['attempt = attempt - 1', undefined],
        ['attempts_used = attempts_used - 1', undefined],
        ['updated_at = ?', now],
      ],
      where: guard,
    }),
  ];
}

/** Lost at work, policy `requeue`: back to the queue after a pause. */
export function requeueIfExpired(
  key: JobKey,
  lease: ExpiredLease,
  at: { now: number; availableAt: number },
): Statement[] {
  const guard = expired(lease);
  return [
    archive(key, { outcome: 'lost', verb: 'requeue', now: at.now, where: guard }),
    update(key, 'requeue', {
      set: [...CLEAR_ATTEMPT, ['available_at = ?', at.availableAt], ['updated_at = ?', at.now]],
      where: guard,
    }),
  ];
}

/** Lost at work, and no automatic attempt is left. */
export function exhaustIfExpired(key: JobKey, lease: ExpiredLease, now: number): Statement[] {
  return [
    noteOnReview(key, 'exhaust', { status: 'failed', now, error: EXHAUSTED, where: expired(lease) }),
    update(key, 'exhaust', {
      set: [
        ['finished_at = ?', now],
        ['updated_at = ?', now],
        ["failure_kind = 'attempts_exhausted'", undefined],
        ['error = ?', EXHAUSTED],
      ],
      where: expired(lease),
    }),
  ];
}

/** Lost at work, policy `hold`: waits for its late result, or a person. */
export function holdIfExpired(key: JobKey, lease: ExpiredLease, now: number): Statement[] {
  return [update(key, 'hold', { set: [['updated_at = ?', now]], where: expired(lease) })];
}

/** The silent machine is back with the same lease. */
export function resumeIfLost(
  db: Database,
  key: JobKey,
  lease: { leaseId: string; expiresAt: number; now: number },
) {
  return db.first<JobRow>(
    update(key, 'resume', {
      set: [
        ['lease_expires_at = ?', lease.expiresAt],
        ['updated_at = ?', lease.now],
      ],
      where: [['lease_id = ?', lease.leaseId]],
    }),
  );
}

/** It waited too long. */
export function expireIfQueued(key: JobKey, now: number): Statement[] {
  return [
    noteOnReview(key, 'expire', { status: 'failed', now, error: EXPIRED, where: [['expires_at <= ?', now]] }),
    update(key, 'expire', {
      set: [
        ['finished_at = ?', now],
        ['updated_at = ?', now],
        ["failure_kind = 'expired'", undefined],
        ['error = ?', EXPIRED],
      ],
      where: [['expires_at <= ?', now]],
    }),
  ];
}

const EXHAUSTED = 'The machine went silent while working, in every automatic attempt.';
const EXPIRED = 'It waited in the queue past its expiry.';

/** What becomes of the review whose job moves without an answer: under the same guard, in the same batch, before the move. */
function noteOnReview(
  key: JobKey,
  verb: JobVerb,
  note: {
    status: 'queued' | 'failed' | 'cancelled';
    now: number;
    error: string | null;
    where: readonly [string, Value][];
  },
): Statement {
  const statuses = TRANSITIONS[verb].from.map((status) => `'${status}'`).join(', ');
  const conditions = ['user_id = ?', 'id = ?', `status IN (${statuses})`, ...note.where.map(([one]) => one)];
  return {
    sql: `UPDATE checkpoints SET status = ?, error = ?, responded_at = ?
          WHERE (user_id, id) IN (SELECT user_id, checkpoint_id FROM jobs WHERE ${conditions.join(' AND ')})`,
    values: [note.status, note.error, note.now, key.userId, key.id, ...note.where.map(([, value]) => value)],
  };
}

export interface Order {
  now: number;
  by: string;
  reason: string | undefined;
  /** When the person named a lease, it must be the one that holds the job. */
  leaseId: string | undefined;
}

/** A person cancels: final at once; the lease id stays on the row, so that its holder can still be told why. */
export function cancelIfLive(key: JobKey, order: Order): Statement[] {
  const where: [string, Value][] = order.leaseId === undefined ? [] : [['lease_id = ?', order.leaseId]];
  return [
    noteOnReview(key, 'cancel', { status: 'cancelled', now: order.now, error: order.reason ?? null, where }),
    update(key, 'cancel', {
      set: [
        ['finished_at = ?', order.now],
        ['updated_at = ?', order.now],
        ['cancelled_by = ?', order.by],
        ['cancel_reason = ?', order.reason ?? null],
      ],
      where,
    }),
  ];
}

/** The runner says that the agent it stopped has ended. The first receipt stays. */
export function confirmCancel(
  db: Database,
  key: JobKey,
  receipt: { leaseId: string; at: number; json: string },
): Promise<JobRow | undefined> {
  return db.first<JobRow>({
    sql: `UPDATE jobs SET cancel_confirmed_at = coalesce(cancel_confirmed_at, ?), stop_receipt = coalesce(stop_receipt, ?)
          WHERE user_id = ? AND id = ? AND status = 'cancelled' AND lease_id = ? RETURNING ${jobColumns()}`,
    values: [receipt.at, receipt.json, key.userId, key.id, receipt.leaseId],
  });
}

/** A person wants it again, as it was read: status and lease. */
export function retryIfUnchanged(
  key: JobKey,
  read: { status: JobRow['status']; leaseId: string | null },
  at: { now: number; expiresAt: number },
): Statement[] {
  const guard: [string, Value][] = [
    ['status = ?', read.status],
    ["coalesce(lease_id, '') = ?", read.leaseId ?? ''],
  ];
  return [
    archive(key, { outcome: undefined, verb: 'retry', now: at.now, where: guard }),
    noteOnReview(key, 'retry', { status: 'queued', now: at.now, error: null, where: guard }),
    update(key, 'retry', {
      set: [
        ...CLEAR_ATTEMPT,
        ['attempts_used = ?', 0],
        ['available_at = ?', at.now],
        ['expires_at = max(expires_at, ?)', at.expiresAt],
        ['updated_at = ?', at.now],
      ],
      where: guard,
    }),
  ];
}

interface Archive {
  /** Undefined: the outcome of an ended attempt is its status, that of one still held is `revoked`. */
  outcome: 'released' | 'lost' | undefined;
  verb: JobVerb;
  now: number;
  where: readonly [string, Value][];
}

/** Keeps the attempt that the next statement of the batch replaces, under the same guard. */
function archive(key: JobKey, { outcome, verb, now, where }: Archive): Statement {
  const statuses = TRANSITIONS[verb].from.map((status) => `'${status}'`).join(', ');
  const ended = outcome ? `'${outcome}'` : "CASE WHEN finished_at IS NULL THEN 'revoked' ELSE status END";
  const conditions = [
    'user_id = ?',
    'id = ?',
    'lease_id IS NOT NULL',
    `status IN (${statuses})`,
    ...where.map(([one]) => one),
  ];
  return {
    sql: `INSERT OR IGNORE INTO attempts (user_id, job_id, lease_count, attempt, outcome, machine_id, instance, lease_id,
            project_root, orp_session_id, codex_session_id, session_source, fallback_reason, claimed_at, started_at,
            finished_at, failure_kind, error, summary, content)
          SELECT user_id, id, lease_count, attempt, ${ended}, machine_id, instance, lease_id, project_root,
            orp_session_id, codex_session_id, session_source, fallback_reason, claimed_at, started_at,
            coalesce(finished_at, ?), failure_kind, error, summary, content
          FROM jobs WHERE ${conditions.join(' AND ')}`,
    values: [now, key.userId, key.id, ...where.map(([, value]) => value)],
  };
}

/** Runs the statements of a move; the row after it, or undefined when the guard said no. */
export async function move(db: Database, statements: readonly Statement[]): Promise<JobRow | undefined> {
  const results = await db.batch(statements);
  return results.at(-1)?.rows[0] as (JobRow & Row) | undefined;
}
