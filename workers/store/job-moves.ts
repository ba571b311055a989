/**
 * The moves of a machine: claim, start, renew, deliver, resume. One guarded statement each; no row back means that the guard
 * said no, and nothing changed.
 */

import type { FailureKind } from '../../spec/job/kinds.ts';
import type { Route } from '../../spec/job/routing.ts';
import type { Database, Statement, Value } from './database.ts';
import { sql } from './database.ts';
import type { JobRow } from './job-row.ts';
import { HELD, jobColumns } from './job-row.ts';
import type { JobKey } from './job-update.ts';
import { archive, CLEAR_ATTEMPT, update } from './job-update.ts';

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

/** The holder starts; it is alive, so its lease begins anew. */
export function startIfHeld(
  db: Database,
  key: JobKey,
  lease: { leaseId: string; machineId: string; now: number; expiresAt: number },
): Promise<JobRow | undefined> {
  return db.first<JobRow>(
    update(key, 'start', {
      set: [
        ['started_at = ?', lease.now],
        ['lease_expires_at = ?', lease.expiresAt],
        ['updated_at = ?', lease.now],
        ['asking_since = NULL', undefined],
      ],
      where: [
        ['lease_id = ?', lease.leaseId],
        ['machine_id = ?', lease.machineId],
      ],
    }),
  );
}

/**
 * Hands a job that was never started to the run that asks now, under a new lease id: whoever got the old one and was only
 * slow must not start it as well. The end stays where it was, so that a machine that never starts gives the job back.
 */
export function redeliverIfUnstarted(
  db: Database,
  key: JobKey,
  lease: { from: string; to: string; claimId: string | undefined; instance: string | undefined },
): Promise<(JobRow & { prompt: string }) | undefined> {
  return db.first<JobRow & { prompt: string }>({
    sql: `UPDATE jobs SET lease_id = ?, claim_id = ?, instance = ?
          WHERE user_id = ? AND id = ? AND status = 'dispatched' AND lease_id = ? AND asking_since IS NULL
          RETURNING ${jobColumns()}, prompt`,
    values: [lease.to, lease.claimId, lease.instance, key.userId, key.id, lease.from],
  });
}

/** Renews what D1 knows of a live lease; false when it is not live any more. */
export function renewIfHeld(
  db: Database,
  key: JobKey,
  lease: { leaseId: string; expiresAt: number },
): Promise<boolean> {
  return db.write(sql`
    UPDATE jobs SET lease_expires_at = max(lease_expires_at, ${lease.expiresAt})
    WHERE user_id = ${key.userId} AND id = ${key.id} AND status IN ('dispatched', 'running') AND lease_id = ${lease.leaseId}`);
}

/** As `renewIfHeld`, and notes whether a person is being asked about a job that is not started yet. */
export function noteAskingIfHeld(
  db: Database,
  key: JobKey,
  lease: { leaseId: string; expiresAt: number; isAsking: boolean; now: number },
): Promise<boolean> {
  const since = lease.isAsking ? lease.now : undefined;
  return db.write(sql`
    UPDATE jobs SET lease_expires_at = max(lease_expires_at, ${lease.expiresAt}),
      asking_since = CASE WHEN status = 'dispatched' THEN ${since} END
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

export interface Return {
  leaseId: string;
  machineId: string;
  now: number;
  /** Why, for people. */
  error: string;
  /** When it may be claimed again; undefined: at once. */
  availableAt: number | undefined;
}

/** The holder gives the job back: it keeps its place, the attempt does not count. */
export function returnIfHeld(key: JobKey, given: Return): Statement[] {
  const { leaseId, machineId, now, error, availableAt } = given;
  const where: [string, Value][] = [
    ['lease_id = ?', leaseId],
    ['machine_id = ?', machineId],
  ];
  return [
    archive(key, { outcome: 'released', verb: 'return', now, where, error }),
    update(key, 'return', {
      set: [
        ...CLEAR_ATTEMPT,
        ['attempt = attempt - 1', undefined],
        ['attempts_used = attempts_used - 1', undefined],
        ['available_at = coalesce(?, available_at)', availableAt ?? null],
        ['updated_at = ?', now],
      ],
      where,
    }),
  ];
}
