/** What a sweep does to a job. Every statement names the very lease, or the very expiry, that the sweep has read. */

import type { Statement, Value } from './database.ts';
import type { JobKey } from './job-update.ts';
import { archive, CLEAR_ATTEMPT, noteOnReview, update } from './job-update.ts';

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
