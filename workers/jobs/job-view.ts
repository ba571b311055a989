/** Converts a job row to the form of the API. */

import type { ReplyInput } from '../../spec/contract/endpoint.ts';
import type { showJob } from '../../spec/contract/jobs.ts';
import type { UserId } from '../../spec/ids.ts';
import { type JobTarget, withAgents } from '../../spec/job/routing.ts';
import type { QueueFacts, Waiting } from '../../spec/job/waiting.ts';
import { whyWaiting } from '../../spec/job/waiting.ts';
import type { Deps } from '../base/deps.ts';
import { iso } from '../base/iso.ts';
import type { Row, Statement } from '../store/database.ts';
import { rowsOf } from '../store/database.ts';
import type { JobRow } from '../store/job-row.ts';
import { targetOf } from '../store/job-row.ts';
import type { AttemptRow, BusyRow } from '../store/jobs.ts';
import { readBusySessions } from '../store/jobs.ts';
import { linksOf, readLinks, toSyncedProjects } from '../store/linked-projects.ts';
import type { MachineRow } from '../store/machines.ts';
import { abilitiesByMachine, readMachinesOf, toPresence } from '../store/machines.ts';

type StoryView = ReplyInput<typeof showJob>['job'];
export type JobView = Omit<StoryView, 'prompt' | 'content' | 'attempts' | 'events'>;

/** The parts of a job's target that limit which rows must be read. */
type Place = Pick<JobTarget, 'machineId' | 'projectRoot' | 'ideaId'>;

/** Reads the machines, projects and sessions of the owner that matter for these targets, in one round trip. */
export async function surroundingsOf(
  deps: Deps,
  userId: UserId,
  targets: readonly Place[],
): Promise<QueueFacts> {
  return toSurroundings(await deps.db.batch(readSurroundings(userId, targets)));
}

/** The statements of `surroundingsOf`, for use in a batch. */
export function readSurroundings(userId: string, targets: readonly Place[]): Statement[] {
  const links = linksOf(targets);
  return [
    readMachinesOf(userId, links.machineIds),
    ...readLinks(userId, links),
    readBusySessions(userId, links),
  ];
}

/** Converts the results of `readSurroundings`. */
export function toSurroundings([machines, projects, sessions, busy]: readonly {
  rows: Row[];
}[]): QueueFacts {
  const machineRows = rowsOf<MachineRow>(machines);
  const abilities = abilitiesByMachine(machineRows);
  const busyRows = rowsOf<BusyRow>(busy);
  return {
    machines: machineRows.map(toPresence),
    projects: withAgents(toSyncedProjects(projects, sessions), (id) => abilities.get(id)),
    busySessions: new Map(
      busyRows.map(({ codexSessionId, jobId, status }) => [
        codexSessionId,
        { jobId, isLost: status === 'lost' },
      ]),
    ),
  };
}

/** Returns why a job does not run now. */
export function waitingOf(
  job: JobRow & { givenBackBecause?: string | undefined },
  around: QueueFacts,
  now: number,
): Waiting | undefined {
  return whyWaiting(
    {
      id: job.id,
      kind: job.kind,
      status: job.status,
      createdAt: job.createdAt,
      availableAt: job.availableAt,
      expiresAt: job.expiresAt,
      claimedAt: job.claimedAt ?? undefined,
      askingSince: job.askingSince ?? undefined,
      leaseExpiresAt: job.leaseExpiresAt ?? undefined,
      machineId: job.machineId ?? undefined,
      givenBackBecause: job.givenBackBecause,
      target: targetOf(job),
    },
    around,
    now,
  );
}

/** Returns why a job does not run now, and reads the rows that this needs. */
export async function readWaiting(
  deps: Deps,
  job: JobRow & { givenBackBecause?: string | undefined },
): Promise<Waiting | undefined> {
  return waitingOf(job, await surroundingsOf(deps, job.userId, [targetOf(job)]), deps.now);
}

export function viewJob(job: JobRow, waiting: Waiting | undefined): JobView {
  return {
    id: job.id,
    kind: job.kind,
    status: job.status,
    ideaId: job.ideaId ?? undefined,
    worldId: job.worldId ?? undefined,
    checkpointId: job.checkpointId ?? undefined,
    priority: job.priority,
    attempt: job.attempt,
    maxAttempts: job.maxAttempts,
    onLeaseLoss: job.onLeaseLoss,
    onUsageLimit: job.onUsageLimit === 'fail' ? 'fail' : undefined,
    sessionFallback: job.sessionFallback,
    timeoutSeconds: job.timeoutSeconds ?? undefined,
    target: {
      machineId: job.targetMachineId ?? undefined,
      projectRoot: job.targetProjectRoot ?? undefined,
      orpSessionId: job.targetOrpSessionId ?? undefined,
      codexSessionId: job.targetCodexSessionId ?? undefined,
    },
    createdAt: new Date(job.createdAt).toISOString(),
    createdBy: job.createdBy ?? undefined,
    notBefore: job.status === 'queued' && job.availableAt > job.updatedAt ? iso(job.availableAt) : undefined,
    expiresAt: new Date(job.expiresAt).toISOString(),
    updatedAt: new Date(job.updatedAt).toISOString(),
    leaseExpiresAt:
      job.status === 'dispatched' || job.status === 'running' ? iso(job.leaseExpiresAt) : undefined,
    ...viewSession(job),
    ...viewOutcome(job),
    cancel: viewCancel(job),
    waiting: waiting && {
      code: waiting.code,
      message: waiting.message,
      since: new Date(waiting.since).toISOString(),
      note: waiting.note,
    },
  };
}

/** Converts one earlier attempt. */
export function viewAttempt(attempt: AttemptRow): StoryView['attempts'][number] {
  return {
    attempt: attempt.attempt,
    outcome: attempt.outcome,
    ...viewSession(attempt),
    ...viewOutcome(attempt),
    content: attempt.content ?? undefined,
    contentBytes: attempt.content === null ? (attempt.contentBytes ?? undefined) : undefined,
  };
}

/**
 * Returns the latest attempt, which the job row contains. Returns undefined if no machine has claimed the job since it was
 * queued.
 */
export function viewLatestAttempt(
  job: JobRow,
  content: string | null,
): StoryView['attempts'][number] | undefined {
  if (job.leaseId === null) return undefined;
  const outcome =
    job.status === 'failed' || job.status === 'completed' || job.status === 'cancelled'
      ? job.status
      : undefined;
  return {
    attempt: job.attempt,
    outcome,
    ...viewSession(job),
    ...viewOutcome(job),
    content: content ?? undefined,
  };
}

type SessionFields = Pick<
  JobRow,
  | 'machineId'
  | 'instance'
  | 'leaseId'
  | 'projectRoot'
  | 'orpSessionId'
  | 'codexSessionId'
  | 'sessionSource'
  | 'fallbackReason'
  | 'claimedAt'
  | 'startedAt'
  | 'finishedAt'
>;

function viewSession(row: SessionFields) {
  return {
    machineId: row.machineId ?? undefined,
    instance: row.instance ?? undefined,
    leaseId: row.leaseId ?? undefined,
    projectRoot: row.projectRoot ?? undefined,
    orpSessionId: row.orpSessionId ?? undefined,
    codexSessionId: row.codexSessionId ?? undefined,
    sessionSource: row.sessionSource ?? undefined,
    fallbackReason: row.fallbackReason ?? undefined,
    claimedAt: iso(row.claimedAt),
    startedAt: iso(row.startedAt),
    finishedAt: iso(row.finishedAt),
  };
}

function viewOutcome(row: Pick<JobRow, 'summary' | 'error' | 'failureKind'>) {
  return {
    summary: row.summary ?? undefined,
    error: row.error ?? undefined,
    failureKind: row.failureKind ?? undefined,
  };
}

function viewCancel(job: JobRow): JobView['cancel'] {
  if (job.status !== 'cancelled') return undefined;
  return {
    at: new Date(job.finishedAt ?? job.updatedAt).toISOString(),
    by: job.cancelledBy ?? undefined,
    reason: job.cancelReason ?? undefined,
    confirmedAt: iso(job.cancelConfirmedAt),
    receipt: job.stopReceipt === null ? undefined : JSON.parse(job.stopReceipt),
  };
}
