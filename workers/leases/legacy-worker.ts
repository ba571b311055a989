/**
 * The compatibility path: reviews for v0.4.4 workers, which have no machines, leases or heartbeats. The server treats such a
 * worker as a machine of the account that no client can register. The worker gets a lease that is long enough for any run.
 * When this lease ends, the cron trigger returns the review to the queue.
 *
 *   poll     queued ──claim──▶ dispatched ──start──▶ running, in one go: the worker begins at once
 *   respond  running ──▶ completed | failed
 */

import { utf8Length } from '../../spec/bounds.ts';
import type { pollAgent, respondCheckpoint } from '../../spec/contract/agent.ts';
import { WORLD_AGENT } from '../../spec/contract/agent.ts';
import type { BodyOf, ReplyInput } from '../../spec/contract/endpoint.ts';
import type { Result } from '../../spec/errors.ts';
import { accept, refuse } from '../../spec/errors.ts';
import { AGENT_SESSION_ID_PATTERN } from '../../spec/ids.ts';
import { MAX_RESULT_BYTES } from '../../spec/job/kinds.ts';
import { leaseExpiry } from '../../spec/job/lease.ts';
import { cutToBytes } from '../../spec/text.ts';
import type { SignedIn } from '../accounts/authenticate.ts';
import type { Deps } from '../base/deps.ts';
import type { ReviewCandidate } from '../store/agent-work.ts';
import { findByClaim, findCheckpoint, readReviewCandidates } from '../store/agent-work.ts';
import type { JobKey } from '../store/guard.ts';
import { startIfHeld, takeIfAvailable } from '../store/job-moves.ts';
import type { JobRow } from '../store/job-row.ts';
import { findJob, readTexts } from '../store/jobs.ts';
import { worldOfIdea } from '../store/worlds.ts';
import { completeJob } from './lease-moves.ts';
import { entriesOfLogs } from './uploads.ts';

/** Used as the machine id. No client can register it, because machine ids begin with a letter or a digit. */
const AGENT_MACHINE_ID = '_agent-work';

/** Two hours. The lease is never renewed, and a run takes at most an hour by default. */
const AGENT_LEASE_MS = 2 * 60 * 60_000;

type Poll = ReplyInput<typeof pollAgent>;

export interface ReviewRequest {
  /** A selector. If absent or blank, any review matches. */
  agent?: string | undefined;
  claimId?: string | undefined;
  projectRoots?: readonly string[] | undefined;
  notProjectRoots?: readonly string[] | undefined;
  dryRun: boolean;
}

export async function pollForAgent(deps: Deps, user: SignedIn, query: ReviewRequest): Promise<Poll> {
  const { claimId, dryRun } = query;
  const again = claimId && !dryRun && (await findTaken(deps, user, claimId));
  if (again) return repeatClaim(deps, user, { taken: again, claimId });

  const all = await deps.db.all<ReviewCandidate>(readReviewCandidates(user.id, deps.now));
  for (const candidate of all.filter((one) => isWanted(one, query))) {
    if (dryRun) return { ...(await viewCandidate(deps, candidate)), dryRun: true };
    const taken = await take(deps, candidate, claimId);
    if (taken !== undefined) return taken;
  }
  return {};
}

function isWanted(candidate: ReviewCandidate, query: ReviewRequest): boolean {
  const { projectRoot, codexSessionId } = candidate;
  return (
    // The value reaches the command line of the worker.
    AGENT_SESSION_ID_PATTERN.test(codexSessionId) &&
    (query.projectRoots === undefined || query.projectRoots.includes(projectRoot)) &&
    !query.notProjectRoots?.includes(projectRoot) &&
    (!query.agent || namesOf(candidate).includes(query.agent.toLowerCase()))
  );
}

/** Returns the fields of a world that a selector may match. */
function namesOf({ worldId, worldName, projectRoot, ideaId, codexSessionId }: ReviewCandidate): string[] {
  const folder = projectRoot.split(/[\\/]/).filter(Boolean).at(-1) ?? '';
  return [worldId, worldName, folder, ideaId, codexSessionId, WORLD_AGENT].map((name) => name.toLowerCase());
}

/** Claims and starts a review. Returns undefined if another worker was faster, or if the session has another job. */
async function take(
  deps: Deps,
  candidate: ReviewCandidate,
  claimId: string | undefined,
): Promise<Poll | undefined> {
  const { projectRoot, codexSessionId, ideaId } = candidate;
  const leaseId = deps.newId('lease');
  const { userId, id } = candidate;
  const { job: taken } = await takeIfAvailable(
    deps.db,
    { userId, id },
    {
      leaseId,
      claimId,
      instance: 'agent-work',
      route: {
        machineId: AGENT_MACHINE_ID,
        projectRoot,
        ideaId,
        orpSessionId: '',
        codexSessionId,
        source: 'target_session',
      },
      now: deps.now,
      // Begin with a short lease: if the start fails, no worker has the job, and it must soon return to the queue.
      leaseExpiresAt: leaseExpiry(deps.now),
    },
  );
  const started = taken && (await begin(deps, candidate, leaseId));
  if (!taken || !started) return undefined;
  deps.log('job_claimed', { jobId: taken.id, machineId: AGENT_MACHINE_ID, leaseId });
  return { ...view(started, { prompt: taken.prompt, world: candidate }), leaseId };
}

/** Starts the review and sets the long lease. */
function begin(deps: Deps, job: JobKey, leaseId: string): Promise<JobRow | undefined> {
  const expiresAt = deps.now + AGENT_LEASE_MS;
  return startIfHeld(deps.db, job, { leaseId, machineId: AGENT_MACHINE_ID, now: deps.now, expiresAt });
}

function findTaken(deps: Deps, user: SignedIn, claimId: string): Promise<JobRow | undefined> {
  return findByClaim(deps.db, user.id, { machineId: AGENT_MACHINE_ID, claimId });
}

/** Answers a repeated claim, because the answer was lost or the first claim failed before the start. */
async function repeatClaim(
  deps: Deps,
  user: SignedIn,
  { taken, claimId }: { taken: JobRow; claimId: string },
): Promise<Poll> {
  const { leaseId } = taken;
  const isStarted = taken.status === 'running';
  const started = isStarted || leaseId === null ? taken : await begin(deps, taken, leaseId);
  // The guard matches no row if the first request was only slow and has started the job in the meantime.
  const job = started ?? (await findTaken(deps, user, claimId));
  if (job?.status !== 'running') return {};
  const world = await findWorldOf(deps, job);
  return { ...view(job, { prompt: await promptOf(deps, job), world }), leaseId: job.leaseId ?? undefined };
}

async function findWorldOf(deps: Deps, job: JobRow) {
  const world = job.ideaId === null ? undefined : await worldOfIdea(deps.db, job.userId, job.ideaId);
  return {
    worldId: world?.id ?? '',
    worldName: world?.name ?? '',
    projectRoot: job.projectRoot ?? '',
    codexSessionId: job.codexSessionId ?? '',
  };
}

async function viewCandidate(deps: Deps, candidate: ReviewCandidate): Promise<Poll> {
  const job = await findJob(deps.db, candidate.userId, candidate.id);
  return job === undefined ? {} : view(job, { prompt: await promptOf(deps, job), world: candidate });
}

async function promptOf(deps: Deps, job: JobRow): Promise<string> {
  return (await deps.db.first<{ prompt: string }>(readTexts(job.userId, job.id)))?.prompt ?? '';
}

type World = Pick<ReviewCandidate, 'worldId' | 'worldName' | 'projectRoot' | 'codexSessionId'>;

function view(job: JobRow, { prompt, world }: { prompt: string; world: World }): Poll {
  const { worldId: id, worldName: name, projectRoot, codexSessionId } = world;
  return {
    job: {
      id: job.id,
      kind: job.kind,
      prompt,
      ideaId: job.ideaId ?? undefined,
      createdBy: job.createdBy ?? undefined,
      timeoutSeconds: job.timeoutSeconds ?? undefined,
      world: { id, name, projectRoot, codexSessionId },
      checkpoint: { id: job.checkpointId ?? '' },
    },
  };
}

type Refused = 'not_found' | 'wrong_status' | 'lease_lost' | 'body_too_large';

/** Records the answer of a worker. Its output goes to the transcript. If the output is lost, the answer is still recorded. */
export async function respondToCheckpoint(
  deps: Deps,
  user: SignedIn,
  { checkpointId, ...answer }: BodyOf<typeof respondCheckpoint> & { checkpointId: string },
): Promise<Result<{ id: string }, Refused>> {
  const checkpoint = await findCheckpoint(deps.db, user.id, checkpointId);
  const job = checkpoint && (await findJob(deps.db, user.id, checkpoint.jobId));
  if (job === undefined) {
    return refuse(
      'not_found',
      `There is no checkpoint ${checkpointId}.`,
      'orp checkpoint queue prints the id of each checkpoint.',
    );
  }
  if (job.machineId !== AGENT_MACHINE_ID || job.leaseId === null) return notTaken(checkpointId, job);
  if (answer.leaseId && answer.leaseId !== job.leaseId) return givenUp(checkpointId, answer.leaseId);

  await keepOutput(deps, job, answer.worker);
  const success = answer.worker.ok && answer.worker.exitCode === 0;
  const finished = await completeJob(deps, user, {
    jobId: job.id,
    holder: { machineId: AGENT_MACHINE_ID, leaseId: job.leaseId },
    success,
    summary: answer.summary,
    content: cut(answer.body ?? ''),
    error: success ? undefined : failureOf(answer.worker),
  });
  if (!finished.ok) {
    const { code } = finished.refusal;
    return code === 'foreign_machine'
      ? notTaken(checkpointId, job)
      : { ok: false, refusal: { ...finished.refusal, code } };
  }
  const responded = await findCheckpoint(deps.db, user.id, checkpointId);
  return accept({ id: responded?.responseId ?? checkpointId });
}

function notTaken(checkpointId: string, job: JobRow) {
  return refuse(
    'wrong_status',
    `Checkpoint ${checkpointId} is not held by this worker: its job ${job.id} is ${job.status}.`,
    'No action is needed: the runner that holds the job will answer. Run orp job show to see the job.',
  );
}

function givenUp(checkpointId: string, leaseId: string) {
  return refuse(
    'lease_lost',
    `The attempt ${leaseId} at checkpoint ${checkpointId} took too long, so the server ended it. Another attempt will answer.`,
    'No action is needed. Run orp job show to see the job.',
  );
}

type Worker = BodyOf<typeof respondCheckpoint>['worker'];

/** Numbers the output, so that a repeated delivery adds nothing. */
async function keepOutput(deps: Deps, job: JobRow, { stdout, stderr }: Worker): Promise<void> {
  const { id: jobId, userId, leaseId } = job;
  const lines = [...linesOf(stdout, 'info'), ...linesOf(stderr, 'error')];
  if (lines.length === 0 || leaseId === null) return;
  const entries = entriesOfLogs({ machineId: AGENT_MACHINE_ID, lines }, deps.now).map((entry, index) => ({
    ...entry,
    seq: index + 1,
  }));
  await deps.machines.tell({ userId, machineId: AGENT_MACHINE_ID }, async (stub) =>
    stub.append({ jobId, leaseId }, entries),
  );
}

function linesOf(text: string | null | undefined, level: string): { level: string; line: string }[] {
  return (text ?? '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => ({ level, line: line.trimEnd() }));
}

function failureOf({ exitCode, stderr }: Worker): string {
  const first = (stderr ?? '').split('\n').find((line) => line.trim() !== '');
  return first?.trim() || `The agent ended with exit code ${exitCode}.`;
}

const CUT = '\n\n(The answer was longer; the rest was cut.)\n';

/** Cuts a text that is too long and adds a mark, because this worker cannot send less. */
function cut(text: string): string {
  const isTooLong = utf8Length(text) > MAX_RESULT_BYTES;
  return isTooLong ? cutToBytes(text, MAX_RESULT_BYTES - CUT.length) + CUT : text;
}
