/**
 * Hands at most one job to a machine. It runs inside the machine's object, one claim at a time, in three steps:
 *
 *   read    the machine, its linked repositories, the held jobs, the first job of each lane   (one round trip)
 *   decide  a repeated claim id → the same lease; a lease never started → again; else the first job with a free route here
 *   write   one guarded statement; if another machine was faster, the next lane is tried
 *
 * If a job may have become due that was queued for later, the read begins by moving it to its lane. If that was not known, the
 * queue is read twice. A job that falls back to another session than the one that it names needs one more read.
 */

import { knowsKind } from '../../spec/job/abilities.ts';
import { isRedeliverable, leaseExpiry } from '../../spec/job/lease.ts';
import type { Route, SyncedProject } from '../../spec/job/routing.ts';
import { routesFor, withAgents } from '../../spec/job/routing.ts';
import type { Deps } from '../base/deps.ts';
import type { ClaimOutcome, ClaimRequest, MachineOf } from '../base/machine-api.ts';
import { readLiveToken } from '../store/accounts.ts';
import type { Candidate, CandidatePosition } from '../store/claim-reads.ts';
import {
  CANDIDATE_PAGE,
  isBefore,
  moveDue,
  readCandidates,
  readHeld,
  readMachine,
  readNextDue,
} from '../store/claim-reads.ts';
import type { Row } from '../store/database.ts';
import { rowsOf } from '../store/database.ts';
import { redeliverIfUnstarted, takeIfAvailable } from '../store/job-moves.ts';
import type { JobRow } from '../store/job-row.ts';
import { targetOf } from '../store/job-row.ts';
import { type HandedOutRow, handedOut, readHandedOut, readJob, readTexts } from '../store/jobs.ts';
import { linksOf, readLinks, toSyncedProjects } from '../store/linked-projects.ts';
import {
  abilitiesByMachine,
  abilitiesOf,
  abilitiesText,
  type MachineRow,
  readMachinesOf,
  SEEN_EVERY_MS,
  seeIfQuiet,
  setAbilitiesIfOther,
} from '../store/machines.ts';

/** The pause after a poll that found nothing although more jobs have become due than one poll moves to their lanes. */
const LOOK_AGAIN_MS = 1000;

/**
 * The data of one read of the queue (a "look"). It may be old when the claim is written, so the statement of the claim checks the data
 * again.
 */
export interface Seen {
  /** True if the token that was named is valid. */
  isSignedIn: boolean;
  machine: { userId: string; draining: number; abilities: string | null; lastSeenAt: number } | undefined;
  /** The jobs that machines of the account hold, including `lost` jobs. */
  held: JobRow[];
  /** The repositories that this machine has linked. */
  own: SyncedProject[];
  /** The first job of each lane, in the order of the queue. */
  candidates: Candidate[];
  /** When the next job becomes due that was queued for later. */
  nextDueAt: number | undefined;
}

/** What the object knows when a look begins. */
interface Known {
  /** The jobs that the machine holds. If undefined, it may hold any. */
  own: readonly string[] | undefined;
  /** True if a job may have become due that was queued for later. */
  mayBeDue: boolean;
  /** If set, the look asks whether this token is valid. */
  tokenHash?: string | undefined;
}

export interface ClaimHooks extends Omit<Known, 'tokenHash'> {
  /** The data of an earlier read of the queue. */
  seen?: Seen | undefined;
  /** Called with the data that decides the claim. */
  onSeen(seen: Seen): void;
  /**
   * Called while the statement that claims a job for this machine is on its way to D1, if no other machine may take the job. The lease
   * ends at `expiresAt`.
   */
  onTaking(expiresAt: number): void;
  /** Called after D1 has recorded that the runner's abilities have changed. */
  onNews(): void;
}

export async function claimJob(deps: Deps, request: ClaimRequest, hooks: ClaimHooks): Promise<ClaimOutcome> {
  const { tokenHash } = request;
  const seen = hooks.seen ?? (await look(deps, request, { ...hooks, tokenHash }));
  hooks.onSeen(seen);
  if (tokenHash !== undefined && !seen.isSignedIn) return { kind: 'unauthenticated' };
  if (seen.machine === undefined) return { kind: 'unknown_machine' };
  if (seen.machine.userId !== request.userId) return { kind: 'foreign_machine' };

  noteAbilities(deps, request, { known: seen.machine.abilities, onNews: hooks.onNews });

  const held = request.dryRun ? undefined : leaseToRepeat(seen.held, request, deps.now);
  if (held !== undefined) return repeatLease(deps, request, held);
  if (seen.machine.draining === 1) {
    noteSeen(deps, request, seen.machine);
    return { kind: 'idle', nextAt: undefined, draining: true };
  }

  const known = { isSeenLongAgo: isSeenLongAgo(seen.machine, deps.now), onTaking: hooks.onTaking };
  const attempt = (turn: Turn) =>
    request.dryRun ? wouldClaim(deps, request, turn) : take(deps, { ...request, ...known }, turn);
  const outcome = await tryEach(deps, request, { seen, attempt });
  if (outcome !== undefined) return outcome;
  noteSeen(deps, request, seen.machine);
  return { kind: 'idle', nextAt: hasUnstarted(seen.held, request) ? deps.now : lookAgainAt(seen, deps.now) };
}

/** What a machine would find if it polled now. `nextAt` is when the next known job becomes due. */
export type Found =
  | { kind: 'work' | 'unknown_machine' | 'foreign_machine' }
  | { kind: 'idle'; nextAt: number | undefined };

/**
 * Returns whether there is work for a machine, now or later, and claims nothing. Uses the abilities from the last poll, so
 * that the runner does not poll for a job that it cannot take.
 */
export async function findWork(deps: Deps, machine: MachineOf, mayBeDue: boolean): Promise<Found> {
  const seen = await look(deps, machine, { own: [], mayBeDue });
  if (seen.machine === undefined) return { kind: 'unknown_machine' };
  if (seen.machine.userId !== machine.userId) return { kind: 'foreign_machine' };
  if (seen.machine.draining === 1) return { kind: 'idle', nextAt: undefined };
  const request = { ...machine, abilities: abilitiesOf(seen.machine), dryRun: true };
  const work = await tryEach(deps, request, {
    seen,
    attempt: async () => ({ outcome: 'work' as const }),
  });
  return work === undefined ? { kind: 'idle', nextAt: lookAgainAt(seen, deps.now) } : { kind: work };
}

/** Returns when to read the queue again, although no job is known to become due before then. */
function lookAgainAt({ nextDueAt }: Seen, now: number): number | undefined {
  return nextDueAt && Math.max(nextDueAt, now + LOOK_AGAIN_MS);
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
  // A job that was queued in the meantime may have woken no runner, because no runner had these abilities.
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

/** Reads everything that a claim needs, and whether the token is valid. */
export async function look(
  deps: Deps,
  { userId, machineId }: MachineOf,
  { own, mayBeDue, tokenHash }: Known,
): Promise<Seen> {
  const at = { machineId, now: deps.now };
  const reads = [
    readMachine(machineId),
    ...readLinks(userId, { machineIds: [machineId] }),
    readCandidates(userId, at),
    readHeld({ userId, machineId }, own),
    readNextDue(userId, machineId),
    ...(tokenHash === undefined ? [] : [readLiveToken(tokenHash, deps.now)]),
  ];
  const seen = mayBeDue ? undefined : toSeen(await deps.db.batch(reads));
  if (seen !== undefined && (seen.nextDueAt === undefined || seen.nextDueAt > deps.now)) return seen;
  const [, ...read] = await deps.db.batch([moveDue(userId, at), ...reads]);
  return toSeen(read);
}

function toSeen([machine, projects, sessions, candidates, held, next, token]: readonly {
  rows: Row[];
}[]): Seen {
  return {
    isSignedIn: token !== undefined && token.rows.length > 0,
    machine: machine?.rows[0] as Seen['machine'],
    own: toSyncedProjects(projects, sessions),
    candidates: rowsOf<Candidate>(candidates),
    held: rowsOf<JobRow>(held),
    nextDueAt: rowsOf<{ at: number | null }>(next)[0]?.at ?? undefined,
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
    const same = await deps.db.first<HandedOutRow>(readHandedOut(job));
    if (same === undefined) throw new Error('a job that was just read is not there');
    const { prompt, earlierLeases } = handedOut(same);
    return { kind: 'claimed', job, prompt, earlierLeases };
  }
  const lease = { from: job.leaseId ?? '', to: deps.newId('lease'), claimId, instance };
  const redelivered = await redeliverIfUnstarted(deps.db, job, lease);
  if (redelivered === undefined) return { kind: 'idle', nextAt: deps.now };
  const { prompt, earlierLeases, ...claimed } = redelivered;
  return { kind: 'claimed', job: claimed, prompt, earlierLeases, replaced: lease.from };
}

/** The job to try now, with one of its routes, and the job to try next. */
interface Turn {
  job: Candidate;
  route: Route;
  next: CandidatePosition | undefined;
}

/** The result of a turn. Without an outcome, the next route or job has its turn. */
interface Tried<T> {
  outcome?: T | undefined;
  /** True if the session is busy, so that no other job can run in it either. */
  isBusy?: boolean;
  /** The job that is now the first of the lane, because another machine has claimed the previous first job. */
  first?: Candidate | undefined;
}

/** Gives the first jobs of all lanes their turn, in the order of the queue. Skips busy sessions. */
async function tryEach<T>(
  deps: Deps,
  request: ClaimRequest,
  { seen, attempt }: { seen: Seen; attempt: (turn: Turn) => Promise<Tried<T>> },
): Promise<T | undefined> {
  const busy = new Set(seen.held.map((job) => job.codexSessionId));
  for (let page = seen.candidates; page.length > 0; page = await nextPage(deps, request, page)) {
    const routesOf = routesHere(deps, request, { seen, page });
    const waiting = [...page];
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      for (const route of await routesOf(job)) {
        if (busy.has(route.codexSessionId)) continue;
        const { outcome, isBusy, first } = await attempt({ job, route, next: waiting[0] });
        if (outcome !== undefined) return outcome;
        if (isBusy) busy.add(route.codexSessionId);
        if (first === undefined || first.id === job.id) continue;
        insertInOrder(waiting, first);
        break;
      }
    }
  }
  return undefined;
}

function insertInOrder(waiting: Candidate[], job: Candidate): void {
  const place = waiting.findIndex((other) => isBefore(job, other));
  waiting.splice(place === -1 ? waiting.length : place, 0, job);
}

/** Reads the next lanes. There are many lanes only if the waiting jobs have many different targets. */
async function nextPage(
  deps: Deps,
  { userId, machineId }: ClaimRequest,
  page: readonly Candidate[],
): Promise<Candidate[]> {
  if (page.length < CANDIDATE_PAGE) return [];
  return deps.db.all<Candidate>(readCandidates(userId, { machineId, now: deps.now, after: page.at(-1) }));
}

async function take(
  deps: Deps,
  {
    claimId,
    instance,
    isSeenLongAgo,
    onTaking,
  }: ClaimRequest & Pick<ClaimHooks, 'onTaking'> & { isSeenLongAgo: boolean },
  { job: lane, route, next }: Turn,
): Promise<Tried<ClaimOutcome>> {
  const leaseExpiresAt = leaseExpiry(deps.now);
  const taking = takeIfAvailable(
    deps.db,
    { lane, next },
    {
      leaseId: deps.newId('lease'),
      claimId,
      instance,
      route,
      now: deps.now,
      leaseExpiresAt,
      isSeenLongAgo,
    },
  );
  // The statement is on its way before the object writes, because a request that is sent after a write waits for that write.
  // If other machines may take the job, too, one of them is often faster, and the write would be useless.
  if (lane.targetMachineId !== null) onTaking(leaseExpiresAt);
  const { job, isBusy, isDrained, first } = await taking;
  if (isDrained) return { outcome: { kind: 'idle', nextAt: undefined, draining: true } };
  if (job === undefined) return { isBusy, first };
  const { prompt, earlierLeases, ...claimed } = job;
  return { outcome: { kind: 'claimed', job: claimed, prompt, earlierLeases } };
}

async function wouldClaim(
  deps: Deps,
  { userId }: ClaimRequest,
  { job: { id }, route }: Turn,
): Promise<Tried<ClaimOutcome>> {
  const [row, texts] = await deps.db.batch([readJob(userId, id), readTexts(userId, id)]);
  const [job] = rowsOf<JobRow>(row);
  const [text] = rowsOf<{ prompt: string }>(texts);
  if (job === undefined || text === undefined) return {};
  return { outcome: { kind: 'would_claim', job, prompt: text.prompt, route } };
}

/**
 * Returns the routes of a job that end at this machine, best first. Other machines matter only if a job names a session that
 * is not here: it falls back to a session here unless another machine has the named session. They are read once for all jobs
 * of the page, and only if such a job has its turn.
 */
function routesHere(
  deps: Deps,
  request: ClaimRequest,
  { seen, page }: { seen: Seen; page: readonly Candidate[] },
): (job: Candidate) => Promise<Route[]> {
  const { machineId, projectRoots, abilities } = request;
  const own = withAgents(seen.own, () => abilities);
  const fallsBack = (job: Candidate, routes: readonly Route[]) =>
    job.targetMachineId === null && routes.some((route) => route.fallbackReason !== undefined);
  let everywhere: Promise<SyncedProject[]> | undefined;
  return async (job) => {
    if (!knowsKind(abilities, job.kind)) return [];
    let routes = routesFor(targetOf(job), own);
    if (fallsBack(job, routes)) {
      everywhere ??= readEverywhere(
        deps,
        request,
        page.filter((one) => fallsBack(one, routesFor(targetOf(one), own))),
      );
      routes = routesFor(targetOf(job), await everywhere).filter((route) => route.machineId === machineId);
    }
    return routes.filter((route) => projectRoots === undefined || projectRoots.includes(route.projectRoot));
  };
}

/** Reads the repositories of all machines that could take one of these jobs. */
async function readEverywhere(
  deps: Deps,
  { userId, machineId, abilities: own }: ClaimRequest,
  jobs: readonly Candidate[],
): Promise<SyncedProject[]> {
  const links = linksOf(jobs.map(targetOf));
  const [machines, projects, sessions] = await deps.db.batch([
    readMachinesOf(userId, links.machineIds),
    ...readLinks(userId, links),
  ]);
  const abilities = abilitiesByMachine(rowsOf<MachineRow>(machines)).set(machineId, own);
  return withAgents(toSyncedProjects(projects, sessions), (id) => abilities.get(id));
}
