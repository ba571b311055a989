/**
 * Runs every minute. It makes the repairs that the alarms of objects missed, and does background maintenance. All work is
 * done in bounded batches.
 */

import { routesFor } from '../spec/job/routing.ts';
import { OFFLINE_AFTER_MS } from '../spec/job/waiting.ts';
import { closeExpired } from './accounts/devices.ts';
import type { Deps } from './base/deps.ts';
import { isSilence } from './base/failures.ts';
import { wakeMachines } from './base/notify.ts';
import { sweepAll } from './leases/sweep.ts';
import { advanceRunning } from './overview/bulk.ts';
import { recordMinute } from './overview/charts.ts';
import { pruneBulk } from './store/bulk.ts';
import type { JobRow } from './store/job-row.ts';
import { targetOf } from './store/job-row.ts';
import { linksOf, readLinks, toSyncedProjects } from './store/linked-projects.ts';
import {
  type DueVisit,
  markStale,
  planNextVisit,
  pruneJobs,
  pruneKeptJobs,
  pruneSignIn,
  readDueVisits,
  readNewlyDue,
  recountLiveJobs,
} from './store/sweeps.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** Finished jobs are kept for a year, up to `keptJobs`. Their transcripts are kept for 30 days. */
export const JOB_RETENTION_MS = 365 * DAY_MS;
const PRUNE_LIMIT = 100;
const KEPT_LIMITS = { accounts: 5, jobs: 100 };
const RECOUNTED_ACCOUNTS = 20;
/** How long a bulk run is kept after its end. Its orders stay in the audit log. */
const BULK_KEPT_MS = 90 * DAY_MS;
const STALE_LIMIT = 500;
const SIGN_IN_WINDOW_MS = DAY_MS;
/** How long a revoked token still proves that its device is known. */
const REVOKED_TOKEN_MS = 30 * DAY_MS;
const TOKEN_LIMIT = 1000;
/** The maximum number of machines visited in one run. */
export const VISIT_LIMIT = 100;
/** A machine that has been silent for this long has no transcripts and no channel left. */
const ABANDONED_AFTER_MS = 60 * DAY_MS;

export async function runCron(deps: Deps): Promise<void> {
  await step(deps, 'sweep', () => sweepAll(deps));
  await step(deps, 'wake_due', () => wakeDue(deps));
  await step(deps, 'mark_stale', () => noteStaleMachines(deps));
  await step(deps, 'prune', () =>
    deps.db.batch([
      pruneJobs(deps.now - JOB_RETENTION_MS, PRUNE_LIMIT),
      pruneBulk(deps.now - BULK_KEPT_MS),
      pruneKeptJobs(deps.settings.accountLimits.keptJobs, KEPT_LIMITS),
      recountLiveJobs(deps.settings.accountLimits.queuedJobs, RECOUNTED_ACCOUNTS),
      ...pruneSignIn(deps.now, {
        windowStarted: deps.now - SIGN_IN_WINDOW_MS,
        revoked: deps.now - REVOKED_TOKEN_MS,
        limit: TOKEN_LIMIT,
      }),
    ]),
  );
  await step(deps, 'expired_tokens', () => closeExpired(deps, TOKEN_LIMIT));
  await step(deps, 'minute_stats', () => recordMinute(deps));
  await step(deps, 'bulk', () => advanceRunning(deps));
  await step(deps, 'visit_machines', () => visitMachines(deps));
}

/** Runs one step. If it fails, the other steps still run. */
async function step(deps: Deps, name: string, run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    deps.log('cron_step_failed', { step: name, message: String(error) });
  }
}

/** Wakes machines again for jobs that became due in the last minutes, because a wake-up may have been missed. */
async function wakeDue(deps: Deps): Promise<void> {
  const jobs = await deps.db.all<JobRow>(readNewlyDue(deps.now - 2 * MINUTE_MS, deps.now));
  for (const userId of new Set(jobs.map((job) => job.userId))) {
    const targets = jobs.filter((job) => job.userId === userId).map(targetOf);
    const [projects, sessions] = await deps.db.batch(readLinks(userId, linksOf(targets)));
    const linked = toSyncedProjects(projects, sessions);
    wakeMachines(
      deps,
      userId,
      targets.flatMap((target) => routesFor(target, linked)),
    );
  }
}

async function noteStaleMachines(deps: Deps): Promise<void> {
  const stale = await deps.db.all<{ id: string; lastSeenAt: number }>(
    markStale({
      now: deps.now,
      silentSince: deps.now - OFFLINE_AFTER_MS,
      start: Math.floor(deps.random() * 2 ** 32).toString(16),
      limit: STALE_LIMIT,
    }),
  );
  for (const { id, lastSeenAt } of stale)
    deps.log('machine_stale', { machineId: id, silentMs: deps.now - lastSeenAt });
}

/**
 * Visits the objects of machines that are due. An object prunes transcripts and compares presence with its open sockets. If
 * a visit fails because D1 is silent, a later run repeats it.
 */
async function visitMachines(deps: Deps): Promise<void> {
  const machines = await deps.db.all<DueVisit>(readDueVisits(deps.now, VISIT_LIMIT));
  const visited: string[] = [];
  try {
    for (const machine of machines) {
      if (machine.lastSeenAt > deps.now - ABANDONED_AFTER_MS) await visit(deps, machine);
      visited.push(machine.id);
    }
  } finally {
    if (visited.length > 0) await deps.db.write(planNextVisit(visited, deps.now));
  }
}

async function visit(deps: Deps, { id, userId, transport }: DueVisit): Promise<void> {
  await deps.machines
    .call({ userId, machineId: id }, async (stub) => {
      if (transport !== null) await stub.checkPresence();
      await stub.prune();
    })
    .catch((error: unknown) => {
      // D1 does not answer, so visits to the other machines would fail, too. Stop here, because waiting for them would take longer than
      // the time until the next cron run.
      if (isSilence(error)) throw error;
      deps.log('object_not_told', { machineId: id, message: String(error) });
    });
}
