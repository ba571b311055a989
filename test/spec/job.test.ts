import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BACKOFF_LIMIT_MS,
  backoffMs,
  isRedeliverable,
  isRenewalDue,
  judgeLease,
  LEASE_MS,
  leaseExpiry,
  UNRECORDED_MS,
} from '../../spec/job/lease.ts';
import {
  isAllowed,
  isLeased,
  isTerminal,
  JOB_STATUSES,
  JOB_VERBS,
  TRANSITIONS,
} from '../../spec/job/status.ts';
import { T0 } from '../support/clock.ts';

describe('the transition table', () => {
  it('starts a job once, and cancels it until it has ended', () => {
    expect(JOB_STATUSES.filter((status) => isAllowed('start', status))).toEqual(['dispatched']);
    expect(JOB_STATUSES.filter((status) => isAllowed('cancel', status))).toEqual(
      JOB_STATUSES.filter((status) => !isTerminal(status)),
    );
  });

  it('leaves an end only by a retry', () => {
    for (const verb of JOB_VERBS) {
      const leaves = TRANSITIONS[verb].from.some((status) => isTerminal(status));
      expect(leaves).toBe(verb === 'retry');
    }
  });

  it('leads from every status to an end', () => {
    const reachesEnd = new Set<string>(JOB_STATUSES.filter(isTerminal));
    for (let round = 0; round < JOB_STATUSES.length; round += 1) {
      for (const verb of JOB_VERBS) {
        if (reachesEnd.has(TRANSITIONS[verb].to))
          for (const from of TRANSITIONS[verb].from) reachesEnd.add(from);
      }
    }
    expect([...reachesEnd].sort()).toEqual([...JOB_STATUSES].sort());
  });

  it('gives every leased status a way back when its lease ends', () => {
    for (const status of JOB_STATUSES.filter(isLeased)) {
      const verbs = (['release', 'requeue', 'exhaust', 'hold'] as const).filter((verb) =>
        isAllowed(verb, status),
      );
      expect(verbs.length).toBeGreaterThan(0);
    }
  });
});

describe('the lease', () => {
  const job = {
    status: 'running',
    leaseExpiresAt: T0,
    onLeaseLoss: 'hold',
    attemptsUsed: 1,
    maxAttempts: 3,
  } as const;

  it('is kept until it has expired', () => {
    expect(judgeLease({ ...job, leaseExpiresAt: T0 + 1 }, T0, 0)).toEqual({ kind: 'keep' });
    expect(judgeLease(job, T0, 0)).toEqual({ kind: 'hold' });
  });

  it('is not counted when the job was never started, under any policy', () => {
    for (const onLeaseLoss of ['hold', 'requeue'] as const) {
      expect(judgeLease({ ...job, status: 'dispatched', onLeaseLoss, attemptsUsed: 99 }, T0, 0)).toEqual({
        kind: 'release',
      });
    }
  });

  it('is requeued with a pause until the attempts are used up', () => {
    const requeue = { ...job, onLeaseLoss: 'requeue' } as const;
    expect(judgeLease(requeue, T0, 0.5)).toEqual({ kind: 'requeue', availableAt: T0 + 10_000 });
    expect(judgeLease({ ...requeue, attemptsUsed: 3 }, T0, 0.5)).toEqual({ kind: 'exhaust' });
  });

  it('never runs a held job again, however many attempts are left', () => {
    fc.assert(
      fc.property(fc.nat(50), fc.nat(50), fc.nat(1e9), (attemptsUsed, maxAttempts, late) => {
        expect(judgeLease({ ...job, attemptsUsed, maxAttempts }, T0 + late, 0).kind).toBe('hold');
      }),
    );
  });

  it('pauses longer with each attempt, within a quarter of the mean, and never beyond the limit', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (attempts, random) => {
          const pause = backoffMs(attempts, random);
          const mean = Math.min(BACKOFF_LIMIT_MS, 10_000 * 2 ** (attempts - 1));
          expect(pause).toBeGreaterThanOrEqual(mean * 0.75 - 1);
          expect(pause).toBeLessThanOrEqual(mean * 1.25 + 1);
        },
      ),
    );
  });

  it.each([
    { isLasting: true, unrecordedMs: UNRECORDED_MS },
    { isLasting: false, unrecordedMs: LEASE_MS / 2 },
  ])('is renewed in D1 only when little is left ($isLasting)', ({ isLasting, unrecordedMs }) => {
    expect(isRenewalDue(leaseExpiry(T0), T0 + unrecordedMs, isLasting)).toBe(false);
    expect(isRenewalDue(leaseExpiry(T0), T0 + unrecordedMs + 1, isLasting)).toBe(true);
  });

  it('is handed out again after 15 s, and only when it was never started', () => {
    expect(isRedeliverable({ status: 'dispatched', claimedAt: T0 }, T0 + 14_999)).toBe(false);
    expect(isRedeliverable({ status: 'dispatched', claimedAt: T0 }, T0 + 15_000)).toBe(true);
    expect(isRedeliverable({ status: 'running', claimedAt: T0 }, T0 + 99_999)).toBe(false);
  });
});
