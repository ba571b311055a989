/** The moves of a sweep. Every statement names the lease or the expiry that the sweep has read. */

import { type Statement, sql } from './database.ts';
import type { JobKey } from './guard.ts';
import { archive, CLEAR_ATTEMPT, noteOnReview, update } from './job-update.ts';

/**
 * The lease and the expiry that a sweep has read. After a renewal in the meantime, a guard with these values matches no row.
 */
export interface ExpiredLease {
  leaseId: string;
  leaseExpiresAt: number;
}

function expired(lease: ExpiredLease): Statement[] {
  return [sql`lease_id = ${lease.leaseId}`, sql`lease_expires_at = ${lease.leaseExpiresAt}`];
}

/** Returns an unstarted job to the queue. The attempt does not count. */
export function releaseIfExpired(key: JobKey, lease: ExpiredLease, now: number): Statement[] {
  const guard = expired(lease);
  return [
    archive(key, { outcome: 'released', verb: 'release', now, where: guard }),
    update(key, 'release', {
      set: {
        ...CLEAR_ATTEMPT,
        attempt: sql`attempt - 1`,
        attemptsUsed: sql`attempts_used - 1`,
        updatedAt: now,
      },
      where: guard,
    }),
  ];
}

/** Returns a job to the queue after a pause, because its lease expired while the agent worked (`requeue`). */
export function requeueIfExpired(
  key: JobKey,
  lease: ExpiredLease,
  at: { now: number; availableAt: number },
): Statement[] {
  const guard = expired(lease);
  return [
    archive(key, { outcome: 'lost', verb: 'requeue', now: at.now, where: guard }),
    update(key, 'requeue', {
      set: { ...CLEAR_ATTEMPT, availableAt: at.availableAt, delayed: 1, updatedAt: at.now },
      where: guard,
    }),
  ];
}

/** Fails a job whose lease expired while the agent worked and that has no automatic attempt left. */
export function exhaustIfExpired(key: JobKey, lease: ExpiredLease, now: number): Statement[] {
  return [
    noteOnReview(key, 'exhaust', { now, error: EXHAUSTED, where: expired(lease) }),
    update(key, 'exhaust', {
      set: { finishedAt: now, updatedAt: now, failureKind: 'attempts_exhausted', error: EXHAUSTED },
      where: expired(lease),
    }),
  ];
}

/** Marks a job as lost, because its lease expired while the agent worked (`hold`). It waits for a late result or a person. */
export function holdIfExpired(key: JobKey, lease: ExpiredLease, now: number): Statement[] {
  return [update(key, 'hold', { set: { updatedAt: now }, where: expired(lease) })];
}

/** Fails a queued job that waited too long. */
export function expireIfQueued(key: JobKey, now: number): Statement[] {
  const where = [sql`expires_at <= ${now}`];
  return [
    noteOnReview(key, 'expire', { now, error: EXPIRED, where }),
    update(key, 'expire', {
      set: { finishedAt: now, updatedAt: now, failureKind: 'expired', error: EXPIRED },
      where,
    }),
  ];
}

const EXHAUSTED = 'The machine stopped responding while the agent worked, in every automatic attempt.';
const EXPIRED = 'The job waited in the queue past its expiry.';
