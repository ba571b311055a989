/**
 * Reclaims expired leases and fails jobs that waited too long. The alarm and the cron trigger run the same sweep. It is safe
 * to run it twice or late, because every write names the lease and the expiry that it has read.
 */

import { unreachable } from '../../spec/errors.ts';
import { judgeLease, type LeaseVerdict, UNRECORDED_MS } from '../../spec/job/lease.ts';
import { routesFor } from '../../spec/job/routing.ts';
import type { Deps } from '../base/deps.ts';
import { notifyFollowers, sharersIn, wakeAt, wakeMachines } from '../base/notify.ts';
import { rowsOf } from '../store/database.ts';
import { renewIfHeld } from '../store/job-moves.ts';
import {
  exhaustIfExpired,
  expireIfQueued,
  holdIfExpired,
  releaseIfExpired,
  requeueIfExpired,
} from '../store/job-reclaims.ts';
import { type JobRow, targetOf } from '../store/job-row.ts';
import { move } from '../store/job-update.ts';
import { linksOf, readLinks, readSharersOf, toSyncedProjects } from '../store/linked-projects.ts';
import { readExpiredInQueue, readExpiredLeases, readExpiredOfMachine } from '../store/sweeps.ts';

/** The maximum number of jobs in one run. The other jobs wait a minute. */
const SWEEP_LIMIT = 100;

/** What the sweep did with one job. */
export interface Swept {
  jobId: string;
  leaseId: string | null;
  machineId: string | null;
  verdict: LeaseVerdict['kind'] | 'expire';
}

/** The deadlines of the leases that a machine's object knows, by lease id. */
type Deadlines = ReadonlyMap<string, number>;

/**
 * Reclaims the expired leases of one machine. The alarm of its object calls this and passes the known deadlines.
 */
export async function sweepMachine(
  deps: Deps,
  machine: { userId: string; machineId: string },
  deadlines: Deadlines,
): Promise<Swept[]> {
  const jobs = await deps.db.all<JobRow>(
    readExpiredOfMachine({ ...machine, now: deps.now, limit: SWEEP_LIMIT }),
  );
  return sweepJobs(deps, await withoutLive(deps, jobs, deadlines));
}

/**
 * Reclaims every expired lease. The cron trigger calls this. It first asks each machine's object, which knows heartbeats that
 * are not in D1.
 */
export async function sweepAll(deps: Deps): Promise<Swept[]> {
  const [leased, queued] = await deps.db.batch([
    readExpiredLeases(deps.now, SWEEP_LIMIT),
    readExpiredInQueue(deps.now, SWEEP_LIMIT),
  ]);
  const dead: JobRow[] = [];
  for (const group of groupByMachine(rowsOf<JobRow>(leased))) {
    dead.push(...(await withoutLiveLeases(deps, group)));
  }
  const jobs = [...dead, ...rowsOf<JobRow>(queued)];
  const swept = await sweepJobs(deps, jobs);
  for (const job of jobs.filter(({ id }) => swept.some(({ jobId }) => jobId === id)))
    notifyFollowers(deps, job);
  return swept;
}

function groupByMachine(jobs: readonly JobRow[]): JobRow[][] {
  const groups = new Map<string, JobRow[]>();
  for (const job of jobs) {
    const name = `${job.userId}/${job.machineId}`;
    groups.set(name, [...(groups.get(name) ?? []), job]);
  }
  return [...groups.values()];
}

/**
 * Asks the object of the machine that holds these jobs. If it does not answer, leases are kept for as long as heartbeats may
 * have renewed them without a write to D1.
 */
async function withoutLiveLeases(deps: Deps, jobs: readonly JobRow[]): Promise<JobRow[]> {
  const [first] = jobs;
  if (first?.machineId == null) return [...jobs];
  const deadlines = await deps.machines
    .call({ userId: first.userId, machineId: first.machineId }, async (stub) => stub.deadlines())
    .catch((error: unknown) => {
      deps.log('object_not_asked', { machineId: first.machineId ?? undefined, message: String(error) });
      return undefined;
    });
  if (deadlines === undefined) {
    return jobs.filter((job) => (job.leaseExpiresAt ?? 0) + UNRECORDED_MS <= deps.now);
  }
  return withoutLive(deps, jobs, new Map(Object.entries(deadlines)));
}

/** Renews leases in D1 that are known to be live, and removes their jobs from the list. */
async function withoutLive(deps: Deps, jobs: readonly JobRow[], deadlines: Deadlines): Promise<JobRow[]> {
  const dead: JobRow[] = [];
  for (const job of jobs) {
    const deadline = deadlines.get(job.leaseId ?? '') ?? 0;
    if (deadline > deps.now && job.leaseId !== null) {
      await renewIfHeld(deps.db, job, { leaseId: job.leaseId, expiresAt: deadline });
    } else {
      dead.push(job);
    }
  }
  return dead;
}

async function sweepJobs(deps: Deps, jobs: readonly JobRow[]): Promise<Swept[]> {
  const swept: Swept[] = [];
  const dueAt = new Map<string, number>();
  const noteDue = (jobId: string, at: number) => dueAt.set(jobId, at);
  for (const job of jobs) {
    const verdict = await sweepJob(deps, job, noteDue).catch((error: unknown) => {
      // A job that cannot be repaired now must not block the other jobs.
      deps.log('sweep_failed', { jobId: job.id, message: String(error) });
      return undefined;
    });
    if (verdict === undefined) continue;
    swept.push({ jobId: job.id, leaseId: job.leaseId, machineId: job.machineId, verdict });
    deps.log('job_swept', {
      jobId: job.id,
      verdict,
      machineId: job.machineId ?? undefined,
      leaseId: job.leaseId ?? undefined,
    });
  }
  const freed = swept.filter(({ verdict }) => FREES_SESSION.has(verdict)).map(({ jobId }) => jobId);
  await wakeForFreed(deps, { jobs: jobs.filter((job) => freed.includes(job.id)), dueAt });
  return swept;
}

/** Repairs one job. Returns undefined if another sweep was faster, or if nothing is due. */
async function sweepJob(
  deps: Deps,
  job: JobRow,
  noteDue: (jobId: string, at: number) => void,
): Promise<Swept['verdict'] | undefined> {
  if (job.status === 'queued') return (await move(deps.db, expireIfQueued(job, deps.now))) && 'expire';
  if (job.leaseId === null || job.leaseExpiresAt === null) return undefined;
  const lease = { leaseId: job.leaseId, leaseExpiresAt: job.leaseExpiresAt };
  const verdict = judgeLease({ ...job, leaseExpiresAt: job.leaseExpiresAt }, deps.now, deps.random());
  switch (verdict.kind) {
    case 'release':
      noteDue(job.id, deps.now);
      return (await move(deps.db, releaseIfExpired(job, lease, deps.now))) && 'release';
    case 'requeue':
      noteDue(job.id, verdict.availableAt);
      return (
        (await move(
          deps.db,
          requeueIfExpired(job, lease, { now: deps.now, availableAt: verdict.availableAt }),
        )) && 'requeue'
      );
    case 'exhaust':
      return (await move(deps.db, exhaustIfExpired(job, lease, deps.now))) && 'exhaust';
    case 'hold':
      return (await move(deps.db, holdIfExpired(job, lease, deps.now))) && 'hold';
    case 'keep':
      return undefined;
    default:
      return unreachable(verdict);
  }
}

/**
 * The verdicts after which a session is free. A lost job keeps its session, and a job that expired in the queue had none.
 */
const FREES_SESSION: ReadonlySet<Swept['verdict']> = new Set(['release', 'requeue', 'exhaust']);

/** Wakes machines for a reclaimed job when it is due, and for other jobs that can use its session now. */
async function wakeForFreed(
  deps: Deps,
  { jobs, dueAt }: { jobs: readonly JobRow[]; dueAt: ReadonlyMap<string, number> },
): Promise<void> {
  for (const userId of new Set(jobs.map((job) => job.userId))) {
    const own = jobs.filter((job) => job.userId === userId);
    const [projects, sessions, ...sharers] = await deps.db.batch([
      ...readLinks(userId, linksOf(own.map(targetOf))),
      ...own.map((job) => readSharersOf(userId, job)),
    ]);
    const linked = toSyncedProjects(projects, sessions);
    for (const job of own) {
      const at = dueAt.get(job.id);
      if (at !== undefined) wakeAt(deps, { userId, routes: routesFor(targetOf(job), linked), at });
    }
    wakeMachines(deps, userId, sharers.flatMap(sharersIn));
    wakeMachines(
      deps,
      userId,
      own.flatMap(({ machineId }) => (machineId === null ? [] : [{ machineId }])),
    );
  }
}
