/** Every minute: the certain repair behind the prompt one, and what nobody waits for. All of it in bounded batches. */

import { routesFor } from '../spec/job/routing.ts';
import { OFFLINE_AFTER_MS } from '../spec/job/waiting.ts';
import type { Deps } from './base/deps.ts';
import { isSilence } from './base/failures.ts';
import { wakeMachines } from './base/notify.ts';
import { sweepAll } from './leases/sweep.ts';
import type { JobRow } from './store/job-row.ts';
import { targetOf } from './store/job-row.ts';
import { linksOf, readLinks, toSyncedProjects } from './store/linked-projects.ts';
import { markStale, pruneJobs, pruneKeptJobs, pruneSignIn, readNewlyDue } from './store/sweeps.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** Finished jobs are kept for a year, within `keptJobs`; their transcripts for 30 days. */
export const JOB_RETENTION_MS = 365 * DAY_MS;
const PRUNE_LIMIT = 100;
const KEPT_LIMITS = { accounts: 5, jobs: 100 };
const STALE_LIMIT = 500;
const SIGN_IN_WINDOW_MS = DAY_MS;
/** Until then a revoked token proves that its device is known. */
const REVOKED_TOKEN_MS = 30 * DAY_MS;
const TOKEN_LIMIT = 1000;

export async function runCron(deps: Deps): Promise<void> {
  await step(deps, 'sweep', () => sweepAll(deps));
  await step(deps, 'wake_due', () => wakeDue(deps));
  await step(deps, 'mark_stale', () => noteStaleMachines(deps));
  await step(deps, 'prune', () =>
    deps.db.batch([
      pruneJobs(deps.now - JOB_RETENTION_MS, PRUNE_LIMIT),
      pruneKeptJobs(deps.settings.accountLimits.keptJobs, KEPT_LIMITS),
      ...pruneSignIn(deps.now, {
        windowStarted: deps.now - SIGN_IN_WINDOW_MS,
        revoked: deps.now - REVOKED_TOKEN_MS,
        limit: TOKEN_LIMIT,
      }),
    ]),
  );
  await step(deps, 'visit_machines', () => visitMachines(deps));
}

/** One step that fails does not keep the others from running. */
async function step(deps: Deps, name: string, run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    deps.log('cron_step_failed', { step: name, message: String(error) });
  }
}

/** Jobs whose time came since the last minutes: a wake that was missed is given again. */
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
    markStale({ now: deps.now, silentSince: deps.now - OFFLINE_AFTER_MS, limit: STALE_LIMIT }),
  );
  for (const { id, lastSeenAt } of stale)
    deps.log('machine_stale', { machineId: id, silentMs: deps.now - lastSeenAt });
}

/**
 * Each machine in its own minute, spread by its id: transcripts are pruned once a day, presence is checked against the
 * sockets themselves once an hour on SSE (whose end may go untold) and once a day on WebSocket.
 */
async function visitMachines(deps: Deps): Promise<void> {
  const minute = Math.floor(deps.now / MINUTE_MS) % (24 * 60);
  const machines = await deps.db.all<{ id: string; userId: string; transport: string | null }>({
    sql: 'SELECT id, user_id AS userId, listening_transport AS transport FROM machines WHERE last_seen_at > ?',
    values: [deps.now - 60 * DAY_MS],
  });
  for (const { id, userId, transport } of machines) {
    const own = minuteOf(id);
    const isDay = own === minute;
    const isHour = transport === 'sse' && own % 60 === minute % 60;
    if (!isDay && !isHour) continue;
    await deps.machines
      .call({ userId, machineId: id }, async (stub) => {
        if (transport !== null) await stub.checkPresence();
        if (isDay) await stub.prune();
      })
      .catch((error: unknown) => {
        // The next machine would wait for a silent D1 as well, and the next cron run would come meanwhile.
        if (isSilence(error)) throw error;
        deps.log('object_not_told', { machineId: id, message: String(error) });
      });
  }
}

/** The minute of the day (UTC) in which a machine is visited. */
export function minuteOf(id: string): number {
  let hash = 0;
  for (const letter of id) hash = (hash * 31 + letter.charCodeAt(0)) % 1440;
  return hash;
}
