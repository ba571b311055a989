/**
 * Hands at most one job to a machine. It runs inside the machine's object, one claim at a time, in three steps:
 *
 *   read    the machine, its linked repositories, the account's leases and queue             (one round trip)
 *   decide  a repeated claim id → the same lease; a lease never started → again; else the first job with a route here
 *   write   one guarded statement; if another machine was faster, the next candidate is tried
 */

import { kindsOf, knowsKind } from '../../spec/job/abilities.ts';
import { isRedeliverable, leaseExpiry } from '../../spec/job/lease.ts';
import type { JobTarget, Route, SyncedProject, SyncedSession } from '../../spec/job/routing.ts';
import { isRouteable, routesFor, withAgents } from '../../spec/job/routing.ts';
import type { Deps } from '../base/deps.ts';
import type { ClaimOutcome, ClaimRequest } from '../base/machine-api.ts';
import type { Candidate, CandidatePosition, FreePlaces, Places } from '../store/claim-reads.ts';
import {
  CANDIDATE_PAGE,
  readCandidates,
  readHeld,
  readMachine,
  readNextAvailable,
} from '../store/claim-reads.ts';
import { rowsOf } from '../store/database.ts';
import { redeliverIfUnstarted, takeIfAvailable } from '../store/job-moves.ts';
import type { JobRow } from '../store/job-row.ts';
import { targetOf } from '../store/job-row.ts';
import { findJob, readTexts } from '../store/jobs.ts';
import { linksOf, readLinks, toSyncedProjects } from '../store/linked-projects.ts';
import {
  abilitiesByMachine,
  abilitiesText,
  type MachineRow,
  readMachinesOf,
  SEEN_EVERY_MS,
  seeIfQuiet,
  setAbilitiesIfOther,
} from '../store/machines.ts';

interface Seen {
  machine: { userId: string; draining: number; abilities: string | null; lastSeenAt: number } | undefined;
  /** The jobs that machines of the account hold, including `lost` jobs. Undefined if not read. */
  held: JobRow[] | undefined;
  /** The repositories that this machine has linked. */
  own: SyncedProject[];
  candidates: Candidate[];
}

/** @param onNews called after D1 has recorded that the runner's abilities have changed */
export async function claimJob(deps: Deps, request: ClaimRequest, onNews: () => void): Promise<ClaimOutcome> {
  const seen = await look(deps, request);
  if (seen.machine === undefined) return { kind: 'unknown_machine' };
  if (seen.machine.userId !== request.userId) return { kind: 'foreign_machine' };

  noteAbilities(deps, request, { known: seen.machine.abilities, onNews });

  const held = request.dryRun ? undefined : leaseToRepeat(seen.held ?? [], request, deps.now);
  if (held !== undefined) return repeatLease(deps, request, held);
  if (seen.machine.draining === 1) {
    noteSeen(deps, request, seen.machine);
    return { kind: 'idle', nextAt: undefined, draining: true };
  }

  for (let page = seen.candidates; page.length > 0; ) {
    const outcome = await takeFirst(deps, request, { seen, page });
    if (outcome !== undefined) return outcome;
    if (page.length < CANDIDATE_PAGE) break;
    page = await nextPage(deps, request, { seen, after: page.at(-1) });
  }
  noteSeen(deps, request, seen.machine);
  return {
    kind: 'idle',
    nextAt: hasUnstarted(seen.held ?? [], request) ? deps.now : await nextDueAt(deps, request),
  };
}

/**
 * Records the runner's abilities, which enqueue reads. The claim does not wait for this write; the next claim repeats a lost
 * write.
 */
function noteAbilities(
  deps: Deps,
  request: ClaimRequest,
  { known, onNews }: { known: string | null; onNews: () => void },
): void {
  const abilities = abilitiesText(request.abilities);
  if (abilities === known || request.dryRun) return;
  const { userId, machineId } = request;
  const noting = setAbilitiesIfOther(deps.db, { userId, machineId, abilities });
  // A job that was queued meanwhile may have woken no runner, because no runner had these abilities.
  deps.later(noting.then((isNews) => (isNews ? onNews() : undefined)));
}

/** Records that the runner is alive, without making the poll wait. A claim records it with its own write. */
function noteSeen(deps: Deps, { dryRun, ...machine }: ClaimRequest, seen: { lastSeenAt: number }): void {
  if (!dryRun && isSeenLongAgo(seen, deps.now))
    deps.later(deps.db.write(seeIfQuiet({ ...machine, now: deps.now })));
}

function isSeenLongAgo({ lastSeenAt }: { lastSeenAt: number }, now: number): boolean {
  return now - lastSeenAt >= SEEN_EVERY_MS;
}

/** Reads when the next job becomes due. Called only if nothing was claimed, because it reads the complete queue. */
async function nextDueAt(
  deps: Deps,
  { userId, machineId, abilities }: ClaimRequest,
): Promise<number | undefined> {
  const next = await deps.db.first<{ at: number | null }>(
    readNextAvailable(userId, { machineId, now: deps.now, kinds: kindsOf(abilities) }),
  );
  return next?.at ?? undefined;
}

async function look(
  deps: Deps,
  { userId, machineId, abilities, mayHold, dryRun }: ClaimRequest,
): Promise<Seen> {
  const [machine, projects, sessions, candidates, held] = await deps.db.batch([
    readMachine(machineId),
    ...readLinks(userId, { machineIds: [machineId] }),
    readCandidates(userId, { machineId, now: deps.now, kinds: kindsOf(abilities) }),
    // Each live job costs a read, so live jobs are read only if they may matter.
    ...(mayHold || dryRun ? [readHeld(userId)] : []),
  ]);
  return {
    machine: machine?.rows[0] as Seen['machine'],
    own: withAgents(toSyncedProjects(projects, sessions), () => abilities),
    candidates: rowsOf<Candidate>(candidates),
    held: held && rowsOf<JobRow>(held),
  };
}

/**
 * Reads the next page, because the last page had no job for this machine. Reads only jobs for its free sessions and
 * repositories.
 */
async function nextPage(
  deps: Deps,
  { userId, machineId, abilities }: ClaimRequest,
  { seen, after }: { seen: Seen; after: CandidatePosition | undefined },
): Promise<Candidate[]> {
  seen.held ??= await deps.db.all<JobRow>(readHeld(userId));
  const free = freePlaces(seen.own, new Set(seen.held.map((job) => job.codexSessionId)));
  if (free.free.projectRoots.length === 0) return [];
  return deps.db.all<Candidate>(
    readCandidates(userId, { machineId, now: deps.now, kinds: kindsOf(abilities), after, free }),
  );
}

function freePlaces(own: readonly SyncedProject[], busy: ReadonlySet<string | null>): FreePlaces {
  const isFree = (session: SyncedSession) => isRouteable(session) && !busy.has(session.codexSessionId);
  const isHeld = (session: SyncedSession) => isRouteable(session) && busy.has(session.codexSessionId);
  const sessions = own.flatMap((project) => project.sessions);
  // A session name blocks no job if a free session in another repository has the same name.
  const freeNames = new Set(sessions.filter(isFree).map((session) => session.orpSessionId));
  const held = sessions.filter(isHeld);
  return {
    open: placesOf(
      own.filter((project) => routesFor(ANY_JOB, [project]).some((one) => !busy.has(one.codexSessionId))),
    ),
    free: placesOf(own.filter((project) => project.sessions.some(isFree))),
    busy: {
      orpSessionIds: held.map((session) => session.orpSessionId).filter((id) => !freeNames.has(id)),
      codexSessionIds: held.flatMap((session) => session.codexSessionId ?? []),
    },
  };
}

const ANY_JOB: JobTarget = { sessionFallback: 'none' };

function placesOf(projects: readonly SyncedProject[]): Places {
  return {
    projectRoots: projects.map((project) => project.projectRoot),
    ideaIds: projects.map((project) => project.ideaId),
  };
}

/**
 * Finds a job that was handed out but not started, because the answer was lost. With the same claim id it is returned at
 * once. Otherwise it is returned after a while, if the machine asks for its repository. After the lease has expired it is not
 * returned, so that a machine that never starts loses the job.
 */
function leaseToRepeat(leases: readonly JobRow[], request: ClaimRequest, now: number): JobRow | undefined {
  const own = leases.filter(
    (job) =>
      job.machineId === request.machineId &&
      job.status === 'dispatched' &&
      (job.leaseExpiresAt ?? 0) > now &&
      // A runner with more abilities may have claimed the job on this machine.
      knowsKind(request.abilities, job.kind),
  );
  const same = request.claimId && own.find((job) => job.claimId === request.claimId);
  return (
    same ||
    own.find(
      (job) =>
        isRedeliverable(
          { ...job, claimedAt: job.claimedAt ?? now, isAsking: job.askingSince !== null },
          now,
        ) &&
        (request.projectRoots === undefined || request.projectRoots.includes(job.projectRoot ?? '')),
    )
  );
}

/** Returns whether the machine has an unstarted lease. Its answer may have been lost, so any poll must find it. */
function hasUnstarted(leases: readonly JobRow[], { machineId }: ClaimRequest): boolean {
  return leases.some(
    (job) => job.machineId === machineId && job.status === 'dispatched' && job.askingSince === null,
  );
}

/** Returns the lease for the same claim id. For another claim id, returns the job under a new lease. */
async function repeatLease(
  deps: Deps,
  { claimId, instance }: ClaimRequest,
  job: JobRow,
): Promise<ClaimOutcome> {
  if (claimId !== undefined && claimId === job.claimId) {
    return { kind: 'claimed', job, prompt: await promptOf(deps, job) };
  }
  const lease = { from: job.leaseId ?? '', to: deps.newId('lease'), claimId, instance };
  const redelivered = await redeliverIfUnstarted(deps.db, job, lease);
  if (redelivered === undefined) return { kind: 'idle', nextAt: deps.now };
  const { prompt, ...claimed } = redelivered;
  return { kind: 'claimed', job: claimed, prompt, replaced: lease.from };
}

async function takeFirst(
  deps: Deps,
  request: ClaimRequest,
  { seen, page }: { seen: Seen; page: readonly Candidate[] },
): Promise<ClaimOutcome | undefined> {
  for (const job of page) {
    const routes = await routesHere(deps, request, { job, own: seen.own });
    for (const route of routes.filter((one) => !isBusy(seen, one))) {
      if (request.dryRun) return wouldClaim(deps, job, route);
      const taken = await takeIfAvailable(deps.db, job, {
        leaseId: deps.newId('lease'),
        claimId: request.claimId,
        instance: request.instance,
        route,
        now: deps.now,
        leaseExpiresAt: leaseExpiry(deps.now),
        isSeenLongAgo: seen.machine !== undefined && isSeenLongAgo(seen.machine, deps.now),
      });
      if (taken !== undefined) {
        const { prompt, ...claimed } = taken;
        return { kind: 'claimed', job: claimed, prompt };
      }
      // Another machine was faster, or the session is busy. This also affects later routes and jobs in this session.
      seen.held ??= await deps.db.all<JobRow>(readHeld(request.userId));
    }
  }
  return undefined;
}

function isBusy({ held }: Seen, route: Route): boolean {
  return held?.some((job) => job.codexSessionId === route.codexSessionId) ?? false;
}

async function wouldClaim(deps: Deps, candidate: Candidate, route: Route): Promise<ClaimOutcome> {
  const job = await findJob(deps.db, candidate.userId, candidate.id);
  if (job === undefined) return { kind: 'idle', nextAt: undefined };
  return { kind: 'would_claim', job, prompt: await promptOf(deps, job), route };
}

/**
 * Returns the routes of a job that end at this machine, best first. Other machines matter only if the job names a session
 * that is not here: the job falls back to a session here unless another machine has the named session.
 */
async function routesHere(
  deps: Deps,
  request: ClaimRequest,
  { job, own }: { job: Candidate; own: readonly SyncedProject[] },
): Promise<Route[]> {
  const { userId, machineId, projectRoots } = request;
  const target = targetOf(job);
  let routes = routesFor(target, own);
  if (target.machineId === undefined && routes.some((route) => route.fallbackReason !== undefined)) {
    const links = linksOf([target]);
    const [machines, projects, sessions] = await deps.db.batch([
      readMachinesOf(userId, links.machineIds),
      ...readLinks(userId, links),
    ]);
    const abilities = abilitiesByMachine(rowsOf<MachineRow>(machines)).set(machineId, request.abilities);
    const linked = withAgents(toSyncedProjects(projects, sessions), (id) => abilities.get(id));
    routes = routesFor(target, linked).filter((route) => route.machineId === machineId);
  }
  return routes.filter((route) => projectRoots === undefined || projectRoots.includes(route.projectRoot));
}

async function promptOf(deps: Deps, job: JobRow): Promise<string> {
  const texts = await deps.db.first<{ prompt: string }>(readTexts(job.userId, job.id));
  if (texts === undefined) throw new Error('a job that was just read is not there');
  return texts.prompt;
}
