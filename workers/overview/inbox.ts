/**
 * The inbox of a person: the problems that need them, and their running and queued jobs. Its cost depends on the number of
 * live and failed jobs, up to a bound. It does not depend on the length of the history.
 */

import { accept, type Result, refuse } from '../../spec/errors.ts';
import type { SyncedProject } from '../../spec/job/routing.ts';
import { routesFor } from '../../spec/job/routing.ts';
import { isLeased } from '../../spec/job/status.ts';
import type { MachinePresence, QueueFacts } from '../../spec/job/waiting.ts';
import {
  CARD_KINDS,
  CARD_LIMIT,
  type CardJob,
  type CardKind,
  type InboxCard,
  inboxCards,
  isSilent,
  type QueuedJob,
} from '../../spec/overview/inbox.ts';
import type { SignedIn } from '../accounts/authenticate.ts';
import { networkOf } from '../accounts/sign-in-limits.ts';
import type { Deps } from '../base/deps.ts';
import { noJob } from '../jobs/fence.ts';
import { type JobView, toSurroundings, viewJob, waitingOf } from '../jobs/job-view.ts';
import { titleOf } from '../jobs/read.ts';
import { rowsOf } from '../store/database.ts';
import { readWaitingIn } from '../store/device-requests.ts';
import { targetOf } from '../store/job-row.ts';
import { findJob, readReturnReasons } from '../store/jobs.ts';
import { linksOf, readLinks } from '../store/linked-projects.ts';
import { readMachinesOf } from '../store/machines.ts';
import {
  dismissIfFailed,
  LIVE_LIMIT,
  type OverviewJob,
  readLiveJobs,
  readTroubled,
} from '../store/overview-reads.ts';

/** How long a failed job stays in the inbox. */
export const FAILED_SHOWN_MS = 7 * 24 * 60 * 60_000;
/** The maximum number of running and of queued jobs that the inbox lists. */
const LISTED_JOBS = 20;
/** The maximum number of returned jobs for which the inbox reads the reason. */
const REASONS_READ = 50;

/** A live job, and why its last holder returned it. */
type LiveJob = OverviewJob & { givenBackBecause: string | undefined };
type ListedJob = JobView & { promptStart: string | undefined };

export interface Inbox {
  /** Newest first, at most `CARD_LIMIT`. */
  cards: InboxCard[];
  /** The number of cards of each kind. */
  counts: Record<CardKind, number> & { running: number; queued: number };
  /** True if the account has more jobs than the inbox has read. Then `counts` are lower bounds. */
  hasMore: boolean;
  running: ListedJob[];
  queued: ListedJob[];
}

/**
 * Sends one batch to D1. If jobs are queued, a second batch reads the repositories where they could run.
 * @param address the address of the person. If given, the inbox shows that terminals of this network wait for a sign-in.
 */
export async function readInbox(
  deps: Deps,
  user: SignedIn,
  { address }: { address?: string } = {},
): Promise<Inbox> {
  const found = await readFacts(deps, user, address);
  const { around, live, lost, failed } = found;
  const view = (job: OverviewJob): ListedJob => ({
    ...viewJob(job, waitingOf(job, around, deps.now)),
    promptStart: titleOf(job),
  });
  const cards = inboxCards({
    now: deps.now,
    lost: lost.map((job) => ({
      ...troubled(job),
      sentence: waitingOf(job, around, deps.now)?.message ?? '',
    })),
    failed: failed.map((job) => ({
      ...troubled(job),
      failureKind: job.failureKind ?? undefined,
      error: job.error ?? undefined,
    })),
    queued: live.flatMap((job) => queuedFacts(deps, { job, around })),
    held: live
      .filter((job) => isLeased(job.status))
      .map(({ machineId }) => ({ machineId: machineId ?? undefined })),
    machines: around.machines,
    signIns: found.signIns,
  });
  const running = live.filter((job) => isLeased(job.status));
  const queued = live.filter((job) => job.status === 'queued');
  return {
    cards: cards.slice(0, CARD_LIMIT),
    counts: { ...countsOf(cards), running: running.length, queued: queued.length },
    hasMore: found.hasMore || cards.length > CARD_LIMIT,
    running: running.slice(0, LISTED_JOBS).map(view),
    queued: queued.slice(0, LISTED_JOBS).map(view),
  };
}

async function readFacts(deps: Deps, user: SignedIn, address: string | undefined) {
  const since = deps.now - FAILED_SHOWN_MS;
  const troubles = CARD_LIMIT + 1;
  const [liveRows, lostRows, failedRows, machines, requests] = await deps.db.batch([
    readLiveJobs(user.id, LIVE_LIMIT + 1),
    readTroubled(user.id, { status: 'lost', since: 0, limit: troubles }),
    readTroubled(user.id, { status: 'failed', since, limit: troubles }),
    readMachinesOf(user.id),
    ...(address === undefined ? [] : [readWaitingIn(networkOf(address), deps.now)]),
  ]);
  const looked = rowsOf<OverviewJob>(liveRows);
  const [lost, failed] = [rowsOf<OverviewJob>(lostRows), rowsOf<OverviewJob>(failedRows)];
  // A lost job is also live, but it has its own card.
  const live = looked.slice(0, LIVE_LIMIT).filter((job) => job.status !== 'lost');
  const targets = live.filter((job) => job.status === 'queued').map(targetOf);
  // Only a job that was handed out before can have been returned.
  const returned = live.filter((job) => job.availableAt > deps.now && job.leaseCount > 0).map(({ id }) => id);
  const [projects, sessions, reasons] =
    targets.length === 0
      ? []
      : await deps.db.batch([
          ...readLinks(user.id, linksOf(targets)),
          readReturnReasons(user.id, returned.slice(0, REASONS_READ)),
        ]);
  const reasonOf = new Map(
    rowsOf<{ jobId: string; error: string }>(reasons).map(({ jobId, error }) => [jobId, error]),
  );
  const busy = [...live, ...lost]
    .filter((job) => job.status !== 'queued' && job.codexSessionId !== null)
    .map(({ codexSessionId, id: jobId, status }) => ({ codexSessionId, jobId, status }));
  const none = { rows: [] };
  return {
    live: live
      .map((job) => ({ ...job, givenBackBecause: reasonOf.get(job.id) }))
      .toSorted((one, other) => (one.id < other.id ? 1 : -1)),
    lost,
    failed,
    signIns: rowsOf<{ count: number; newestAt: number }>(requests)[0],
    around: toSurroundings([machines ?? none, projects ?? none, sessions ?? none, { rows: busy }]),
    hasMore: looked.length > LIVE_LIMIT || lost.length === troubles || failed.length === troubles,
  };
}

function card({ id, ...job }: OverviewJob): CardJob {
  return { id, title: titleOf(job) ?? '' };
}

function troubled(job: OverviewJob) {
  const { attempt, machineId, updatedAt } = job;
  return { ...card(job), attempt, machineId: machineId ?? undefined, at: updatedAt };
}

function queuedFacts(deps: Deps, { job, around }: { job: LiveJob; around: QueueFacts }): QueuedJob[] {
  if (job.status !== 'queued') return [];
  const waiting = waitingOf(job, around, deps.now);
  if (waiting === undefined) return [];
  const silent = waiting.code === 'machine_offline' ? silentMachineOf(job, around, deps.now) : undefined;
  const { givenBackBecause: reason } = job;
  const inUse = waiting.code === 'session_in_use' ? reason : undefined;
  return [{ ...card(job), waiting, inUse, silentMachineId: silent?.machineId }];
}

/** Returns the machine that the waiting sentence names: the most recently seen machine that could take the job. */
function silentMachineOf(
  job: OverviewJob,
  { projects, machines }: { projects: readonly SyncedProject[]; machines: readonly MachinePresence[] },
  now: number,
): MachinePresence | undefined {
  const able = new Set(routesFor(targetOf(job), projects).map((route) => route.machineId));
  return machines
    .filter((machine) => able.has(machine.machineId) && isSilent(machine, now))
    .toSorted((one, other) => other.lastSeenAt - one.lastSeenAt)[0];
}

function countsOf(cards: readonly InboxCard[]): Record<CardKind, number> {
  const counts = Object.fromEntries(CARD_KINDS.map((kind) => [kind, 0])) as Record<CardKind, number>;
  for (const { kind } of cards) counts[kind] += 1;
  return counts;
}

/** Removes a failed job from the person's inbox. If the job is retried and fails again, it comes back. */
export async function dismissJob(
  deps: Deps,
  user: SignedIn,
  { jobId, source }: { jobId: string; source: string },
): Promise<Result<{ dismissed: boolean }, 'not_found' | 'wrong_status'>> {
  const job = await findJob(deps.db, user.id, jobId);
  if (job === undefined) return noJob(jobId);
  if (job.status !== 'failed') {
    return refuse(
      'wrong_status',
      `Job ${job.id} is ${job.status}. Only a failed job can be dismissed.`,
      'Run orp job show to see the job.',
    );
  }
  const order = { now: deps.now, actor: user.id, source, failed: job.status };
  return accept({ dismissed: await deps.db.write(dismissIfFailed(job, order)) });
}
