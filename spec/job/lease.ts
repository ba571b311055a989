/**
 * A lease gives one machine the right to a job for a limited time. The lease id is the fencing token. D1 records which lease
 * holds the job. After a lease has expired, the server may reclaim the job. Until it does, the holder may still finish.
 */

import type { LeaseLossPolicy } from './kinds.ts';
import type { JobStatus } from './status.ts';

/** A lease lasts 120 s, so it survives five lost heartbeats. The v0.4.4 client shows a job as stale after the same time. */
export const LEASE_MS = 120_000;

/** The interval of heartbeats, 20 s as in the v0.4.4 client. */
export const HEARTBEAT_MS = 20_000;

/**
 * After this time, an unstarted lease is handed out again to its machine, because the answer to the poll was probably
 * lost.
 */
export const REDELIVER_AFTER_MS = 15_000;

/** Automatic retries pause 10 s, doubling to 5 min, ±25 %, so that a broken machine does not get jobs all the time. */
const BACKOFF_FIRST_MS = 10_000;
export const BACKOFF_LIMIT_MS = 5 * 60_000;
export const BACKOFF_JITTER = 0.25;

/** Returns when a lease that is renewed now ends. */
export function leaseExpiry(now: number): number {
  return now + LEASE_MS;
}

/** The maximum time by which heartbeats may have moved a deadline beyond the deadline in D1. */
export const UNRECORDED_MS = LEASE_MS - LEASE_MS / 4;

/**
 * Returns whether a heartbeat must be written to D1, because less than a quarter of the recorded lease is left, or less than
 * half if the object may forget the exact deadline until the next heartbeat.
 */
export function isRenewalDue(recordedExpiresAt: number, now: number, isLasting: boolean): boolean {
  return recordedExpiresAt - now < (isLasting ? LEASE_MS - UNRECORDED_MS : LEASE_MS / 2);
}

/**
 * Returns whether an unstarted job may be handed out again to the same machine, because the answer of the poll may be lost.
 * Returns false while the runner asks a person about the job, because the question shows that the answer has arrived.
 */
export function isRedeliverable(
  lease: { status: JobStatus; claimedAt: number; isAsking?: boolean },
  now: number,
): boolean {
  return lease.status === 'dispatched' && !lease.isAsking && now - lease.claimedAt >= REDELIVER_AFTER_MS;
}

/**
 * Returns the pause before automatic attempt number `attemptsUsed + 1`.
 * @param attemptsUsed attempts already used, at least 1
 * @param random in [0, 1)
 */
export function backoffMs(attemptsUsed: number, random: number): number {
  const base = Math.min(BACKOFF_LIMIT_MS, BACKOFF_FIRST_MS * 2 ** Math.max(0, attemptsUsed - 1));
  return Math.round(base * (1 - BACKOFF_JITTER + 2 * BACKOFF_JITTER * random));
}

/** What a sweep does with a job whose lease expired. */
export type LeaseVerdict =
  | { kind: 'release' }
  | { kind: 'requeue'; availableAt: number }
  | { kind: 'exhaust' }
  | { kind: 'hold' }
  | { kind: 'keep' };

export interface LeasedJob {
  status: JobStatus;
  leaseExpiresAt: number;
  onLeaseLoss: LeaseLossPolicy;
  attemptsUsed: number;
  maxAttempts: number;
}

/**
 * Decides what happens to a leased job at `now`. `keep` means that the job is not leased, or that its lease has not
 * expired.
 */
export function judgeLease(job: LeasedJob, now: number, random: number): LeaseVerdict {
  if (job.leaseExpiresAt > now) return { kind: 'keep' };
  if (job.status === 'dispatched') return { kind: 'release' };
  if (job.status !== 'running') return { kind: 'keep' };
  if (job.onLeaseLoss === 'hold') return { kind: 'hold' };
  if (job.attemptsUsed >= job.maxAttempts) return { kind: 'exhaust' };
  return { kind: 'requeue', availableAt: now + backoffMs(job.attemptsUsed, random) };
}
