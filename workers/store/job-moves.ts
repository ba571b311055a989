/**
 * The moves of a machine: claim, start, renew, deliver, resume. Each is one guarded statement. If it returns no row, the
 * guard matched no row and nothing has changed.
 */

import type { FailureKind } from '../../spec/job/kinds.ts';
import type { Route } from '../../spec/job/routing.ts';
import { LEASED_STATUSES, TRANSITIONS } from '../../spec/job/status.ts';
import {
  type Candidate,
  type CandidatePosition,
  firstOfLane,
  isBeforeIt,
  isDue,
  isSessionFree,
  type LaneKey,
  readFirstOfLane,
} from './claim-reads.ts';
import { type Database, raw, rowsOf, type Statement, sql } from './database.ts';
import { guard, guardIn, isHeldJob, type JobKey, mayBe } from './guard.ts';
import type { JobRow } from './job-row.ts';
import { jobColumns } from './job-row.ts';
import { archive, CLEAR_ATTEMPT, update } from './job-update.ts';
import { HANDED_OUT, type HandedOut, type HandedOutRow, handedOut } from './jobs.ts';
import { seeIfQuiet } from './machines.ts';

export interface Claim {
  leaseId: string;
  claimId: string | undefined;
  instance: string | undefined;
  route: Route;
  now: number;
  leaseExpiresAt: number;
  /** True if the recorded sign of life of the machine is old, so that the claim also records one. */
  isSeenLongAgo?: boolean;
}

/** A lane, and the first job of the next lane. The claim must not take a job behind that one. */
export interface LaneTurn {
  lane: LaneKey;
  next: CandidatePosition | undefined;
}

/** The claimed job. If the guard refused, whether the session is busy, and the job that is now the first of the lane. */
export interface Taken {
  job: HandedOut | undefined;
  isBusy: boolean;
  /** True if the guard refused because the machine was drained. */
  isDrained: boolean;
  first: Candidate | undefined;
}

/**
 * Claims a queued job that is due, unless its session has another job or the machine was drained. For a lane, it takes the
 * job that is the first at that moment, so machines that claim from one lane do not hinder each other.
 */
export async function takeIfAvailable(db: Database, from: JobKey | LaneTurn, claim: Claim): Promise<Taken> {
  const { route, now } = claim;
  const turn = 'lane' in from ? from : undefined;
  const { userId } = turn?.lane ?? (from as JobKey);
  const key = turn ? { userId, id: firstOfLane(turn.lane, now) } : (from as JobKey);
  const { machineId } = route;
  const isFree = isSessionFree(userId, route.codexSessionId);
  const isDraining = sql`EXISTS (SELECT 1 FROM machines WHERE id = ${machineId} AND draining = 1)`;
  const taken = update(key, 'claim', {
    set: {
      leaseId: claim.leaseId,
      claimId: claim.claimId,
      instance: claim.instance,
      machineId: route.machineId,
      projectRoot: route.projectRoot,
      orpSessionId: route.orpSessionId,
      codexSessionId: route.codexSessionId,
      sessionSource: route.source,
      fallbackReason: route.fallbackReason,
      leaseExpiresAt: claim.leaseExpiresAt,
      claimedAt: now,
      updatedAt: now,
      attempt: sql`attempt + 1`,
      attemptsUsed: sql`attempts_used + 1`,
      leaseCount: sql`lease_count + 1`,
    },
    where: [isDue(now), isFree, sql`NOT ${isDraining}`, ...(turn?.next ? [isBeforeIt(turn.next)] : [])],
  });
  const first = turn ? readFirstOfLane(turn.lane, now) : raw('SELECT NULL AS id');
  // A claim that succeeds reads nothing further.
  const isRefused = sql`(SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM jobs INDEXED BY jobs_live
    WHERE user_id = ${userId} AND ${raw(isHeldJob())} AND lane = ${route.codexSessionId} AND lease_id = ${claim.leaseId}))`;
  const [row, refusal] = await db.batch([
    sql`${taken}, ${raw(HANDED_OUT)}`,
    sql`SELECT * FROM (SELECT ${isFree} AS isFree, ${isDraining} AS isDraining FROM ${isRefused}) LEFT JOIN (${first}) ON true`,
    ...(claim.isSeenLongAgo ? [seeIfQuiet({ userId, machineId, now })] : []),
  ]);
  const [job] = rowsOf<HandedOutRow>(row);
  if (job !== undefined) return { job: handedOut(job), isBusy: false, isDrained: false, first: undefined };
  const [why] = rowsOf<Candidate & { isFree: number; isDraining: number }>(refusal);
  return {
    job,
    isBusy: why?.isFree === 0,
    isDrained: why?.isDraining === 1,
    first: why?.id == null ? undefined : why,
  };
}

function heldBy(holder: { leaseId: string; machineId: string }): Statement[] {
  return [sql`lease_id = ${holder.leaseId}`, sql`machine_id = ${holder.machineId}`];
}

/** Starts the job and renews the lease, because the holder is alive. */
export function startIfHeld(
  db: Database,
  key: JobKey,
  lease: { leaseId: string; machineId: string; now: number; expiresAt: number },
): Promise<JobRow | undefined> {
  return db.first<JobRow>(
    update(key, 'start', {
      set: {
        startedAt: lease.now,
        leaseExpiresAt: lease.expiresAt,
        updatedAt: lease.now,
        askingSince: null,
      },
      where: heldBy(lease),
    }),
  );
}

/**
 * Hands an unstarted job to the run that polls now. The job gets a new lease id, so that a slow holder of the old lease
 * cannot start it, too. The expiry stays, so that a machine that never starts loses the job.
 */
export async function redeliverIfUnstarted(
  db: Database,
  key: JobKey,
  lease: { from: string; to: string; claimId: string | undefined; instance: string | undefined },
): Promise<HandedOut | undefined> {
  const where = [sql`lease_id = ${lease.from}`, sql`asking_since IS NULL`];
  const row = await db.first<HandedOutRow>(sql`
    UPDATE jobs SET lease_id = ${lease.to}, claim_id = ${lease.claimId}, instance = ${lease.instance}
    WHERE ${guard(key, 'start', where)} RETURNING ${raw(jobColumns())}, ${raw(HANDED_OUT)}`);
  return row && handedOut(row);
}

/** Renews a live lease in D1. Returns false if it is no longer live. */
export function renewIfHeld(
  db: Database,
  key: JobKey,
  lease: { leaseId: string; expiresAt: number },
): Promise<boolean> {
  return db.write(sql`
    UPDATE jobs SET lease_expires_at = max(lease_expires_at, ${lease.expiresAt})
    WHERE ${guardIn(key, LEASED_STATUSES, [sql`lease_id = ${lease.leaseId}`])}`);
}

/** Like `renewIfHeld`, and also records whether a person is being asked about an unstarted job. */
export function noteAskingIfHeld(
  db: Database,
  key: JobKey,
  lease: { leaseId: string; expiresAt: number; isAsking: boolean; now: number },
): Promise<boolean> {
  const since = lease.isAsking ? lease.now : undefined;
  return db.write(sql`
    UPDATE jobs SET lease_expires_at = max(lease_expires_at, ${lease.expiresAt}),
      asking_since = CASE WHEN ${raw(mayBe('start'))} THEN ${since} END
    WHERE ${guardIn(key, LEASED_STATUSES, [sql`lease_id = ${lease.leaseId}`])}`);
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

/** Records the result that the holder delivers. */
export function finishIfHeld(key: JobKey, outcome: Outcome): Statement {
  return update(key, outcome.success ? 'complete' : 'fail', {
    set: {
      finishedAt: outcome.now,
      updatedAt: outcome.now,
      summary: outcome.summary,
      content: outcome.content,
      error: outcome.error,
      failureKind: outcome.failureKind,
    },
    where: heldBy(outcome),
  });
}

/** Resumes a lost job whose machine has returned with the same lease. */
export function resumeIfLost(
  db: Database,
  key: JobKey,
  lease: { leaseId: string; expiresAt: number; now: number },
) {
  return db.first<JobRow>(
    update(key, 'resume', {
      set: { leaseExpiresAt: lease.expiresAt, updatedAt: lease.now },
      where: [sql`lease_id = ${lease.leaseId}`],
    }),
  );
}

export interface Return {
  leaseId: string;
  machineId: string;
  now: number;
  /** The reason, for people. */
  error: string;
  /** When the job may be claimed again, if it does not expire first. If undefined, it may be claimed at once. */
  availableAt: number | undefined;
  /** True if the job waits for the reset of a usage limit. */
  isUsageWait: boolean;
}

/**
 * Makes a returned job available sooner, on request of the machine that returned it last. The guard names that lease, so a
 * late request, after another claim or an order, changes nothing.
 */
export function hastenIfReturned(
  db: Database,
  key: JobKey,
  {
    leaseId,
    machineId,
    now,
    availableAt,
  }: { leaseId: string; machineId: string; now: number; availableAt: number },
): Promise<JobRow | undefined> {
  const isLastHolder = sql`EXISTS (SELECT 1 FROM attempts a
    WHERE a.user_id = jobs.user_id AND a.job_id = jobs.id AND a.lease_count = jobs.lease_count
      AND a.lease_id = ${leaseId} AND a.machine_id = ${machineId} AND a.outcome = 'released')`;
  const where = guardIn(key, TRANSITIONS.claim.from, [sql`available_at > ${availableAt}`, isLastHolder]);
  return db.first<JobRow>(
    sql`UPDATE jobs SET available_at = ${availableAt}, delayed = ${availableAt > now ? 1 : 0}, updated_at = ${now} WHERE ${where} RETURNING ${raw(jobColumns())}`,
  );
}

/** Returns a job to its place in the queue. The attempt does not count. */
export function returnIfHeld(key: JobKey, given: Return): Statement[] {
  const { now, error, availableAt, isUsageWait } = given;
  const where = heldBy(given);
  const dueAt = sql`coalesce(min(${availableAt}, expires_at), available_at)`;
  return [
    archive(key, { outcome: 'released', verb: 'return', now, where, error }),
    update(key, 'return', {
      set: {
        ...CLEAR_ATTEMPT,
        attempt: sql`attempt - 1`,
        attemptsUsed: sql`attempts_used - 1`,
        availableAt: dueAt,
        delayed: sql`${dueAt} > ${now}`,
        usageWaits: sql`usage_waits + ${isUsageWait ? 1 : 0}`,
        updatedAt: now,
      },
      where,
    }),
  ];
}
