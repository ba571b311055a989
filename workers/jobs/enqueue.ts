/** Queues a job, only once per Idempotency-Key, and wakes the machines that could claim it now. */

import { utf8Length } from '../../spec/bounds.ts';
import type { BodyOf } from '../../spec/contract/endpoint.ts';
import type { enqueueJob as enqueueRow } from '../../spec/contract/jobs.ts';
import { accept, type Result, refuse } from '../../spec/errors.ts';
import type { UserId } from '../../spec/ids.ts';
import {
  DEFAULT_EXPIRY_MS,
  DEFAULT_MAX_ATTEMPTS,
  IDEMPOTENCY_MS,
  KINDS,
  MAX_EXPIRY_MS,
  MAX_PROMPT_BYTES,
} from '../../spec/job/kinds.ts';
import { type Route, routesFor } from '../../spec/job/routing.ts';
import type { QueueFacts } from '../../spec/job/waiting.ts';
import type { SignedIn } from '../accounts/authenticate.ts';
import { sha256 } from '../accounts/passwords.ts';
import { checkRoom } from '../accounts/room.ts';
import type { Deps } from '../base/deps.ts';
import { wakeAt } from '../base/notify.ts';
import { DatabaseUnavailable, type Statement } from '../store/database.ts';
import { findIdea } from '../store/ideas.ts';
import { type JobRow, targetOf } from '../store/job-row.ts';
import { addedBy, findByKey, insertIfPossible, type NewJob } from '../store/jobs.ts';
import { isLinked } from '../store/linked-projects.ts';
import { findMachine } from '../store/machines.ts';
import { hasWorld } from '../store/worlds.ts';
import {
  type JobView,
  readSurroundings,
  surroundingsOf,
  toSurroundings,
  viewJob,
  waitingOf,
} from './job-view.ts';

export type Order = BodyOf<typeof enqueueRow>;
type Refused = 'not_found' | 'invalid_input' | 'idempotency_conflict' | 'body_too_large' | 'limit_reached';

export interface Enqueued {
  job: JobView;
  created: boolean;
}

/** Queues a prompt. The same key with the same body returns the same job. */
export async function enqueuePrompt(
  deps: Deps,
  user: SignedIn,
  { order, idempotencyKey, source }: { order: Order; idempotencyKey: string | undefined; source: string },
): Promise<Result<Enqueued, Refused>> {
  if (utf8Length(order.prompt) > MAX_PROMPT_BYTES) {
    return refuse(
      'body_too_large',
      `The prompt may have at most ${MAX_PROMPT_BYTES} bytes.`,
      'Shorten it, or put the text into a file of the repository.',
    );
  }
  const requestHash = await hashOf(order, idempotencyKey);
  const times = readTimes(deps.now, order);
  // The insert itself finds out whether the key is used, so that a new job needs one trip to D1.
  if (!times.ok) return (await findEarlier(deps, user, { order, idempotencyKey })).earlier ?? times;
  return insertJob(deps, user, {
    job: { ...newJob(deps, user, order), ...times.value, source, idempotencyKey, requestHash },
    together: [],
  });
}

/**
 * Answers a request whose key is already in use. A repeated request returns its job even if its times have passed, its
 * target was removed or the account is full.
 */
export async function findEarlier(
  deps: Deps,
  user: SignedIn,
  { order, idempotencyKey }: { order: object; idempotencyKey: string | undefined },
): Promise<{
  requestHash: string | undefined;
  earlier: Result<Enqueued, 'idempotency_conflict'> | undefined;
}> {
  const requestHash = await hashOf(order, idempotencyKey);
  if (idempotencyKey === undefined) return { requestHash, earlier: undefined };
  const known = await findByKey(deps.db, user.id, idempotencyKey);
  const isValid = known !== undefined && deps.now - known.createdAt < IDEMPOTENCY_MS;
  return {
    requestHash,
    earlier: isValid ? await repeated(deps, user, { job: known, requestHash }) : undefined,
  };
}

function hashOf(order: object, idempotencyKey: string | undefined): Promise<string> | undefined {
  return idempotencyKey === undefined ? undefined : sha256(JSON.stringify(order));
}

/** Returns the job that this key created. Refuses if another request created it. */
async function repeated(
  deps: Deps,
  user: SignedIn,
  { job, requestHash }: { job: JobRow & { requestHash: string }; requestHash: string | undefined },
): Promise<Result<Enqueued, 'idempotency_conflict'>> {
  if (job.requestHash !== requestHash) {
    return refuse(
      'idempotency_conflict',
      `This Idempotency-Key was used for another request (job ${job.id}).`,
      'Use a new key for a new job.',
    );
  }
  const around = await surroundingsOf(deps, user.id, [targetOf(job)]);
  // The answer was lost. The wake-up may be lost, too, so repeat it.
  if (job.status === 'queued') wake(deps, job, around);
  return accept({ job: viewJob(job, waitingOf(job, around, deps.now)), created: false });
}

/** Writes a job with its related rows, and wakes machines. */
export async function insertJob(
  deps: Deps,
  user: SignedIn,
  { job, together }: { job: NewJob; together: readonly Statement[] },
): Promise<Result<Enqueued, 'not_found' | 'idempotency_conflict' | 'limit_reached'>> {
  const inserts = insertIfPossible(user.id, job, deps.settings.accountLimits);
  const writes = [...inserts, ...together];
  const results = await deps.db.batch([...writes, ...readSurroundings(user.id, [targetOf(job)])]);
  const stored = results[inserts.length - 1]?.rows[0] as JobRow | undefined;
  if (stored === undefined) return whyNotInserted(deps, user, job);

  const around = toSurroundings(results.slice(writes.length));
  announce(deps, stored, around);
  return accept({ job: viewJob(stored, waitingOf(stored, around, deps.now)), created: true });
}

/** Explains why a job was not inserted: its key created another job, the account is full, or its target does not exist. */
async function whyNotInserted(
  deps: Deps,
  user: SignedIn,
  job: NewJob,
): Promise<Result<Enqueued, 'not_found' | 'idempotency_conflict' | 'limit_reached'>> {
  const winner = job.idempotencyKey && (await findByKey(deps.db, user.id, job.idempotencyKey));
  if (winner) return repeated(deps, user, { job: winner, requestHash: job.requestHash });
  const room = await checkRoom(deps, user.id, addedBy(job));
  if (!room.ok) return room;
  const target = await checkTarget(deps, user.id, {
    machineId: job.targetMachineId ?? undefined,
    ideaId: job.ideaId ?? undefined,
    worldId: job.worldId ?? undefined,
  });
  if (!target.ok) return target;
  // The missing target appeared between the two reads, so the same request would succeed now.
  throw new DatabaseUnavailable('a job was not inserted although nothing prevents it now');
}

function announce(deps: Deps, job: JobRow, around: QueueFacts): void {
  deps.log('job_queued', { jobId: job.id, kind: job.kind, userId: job.userId });
  const routes = wake(deps, job, around);
  if (routes.length === 0) deps.log('no_routeable_session', { jobId: job.id, userId: job.userId });
}

function wake(deps: Deps, job: JobRow, around: QueueFacts): Route[] {
  const routes = routesFor(targetOf(job), around.projects);
  wakeAt(deps, { userId: job.userId, routes, at: job.availableAt });
  return routes;
}

function newJob(
  deps: Deps,
  user: SignedIn,
  order: Order,
): Omit<NewJob, 'availableAt' | 'expiresAt' | 'source' | 'idempotencyKey' | 'requestHash'> {
  return {
    id: deps.newId('job'),
    kind: order.kind,
    createdAt: deps.now,
    createdBy: user.email,
    priority: order.priority,
    onLeaseLoss: order.onLeaseLoss ?? KINDS[order.kind].onLeaseLoss,
    onUsageLimit: order.onUsageLimit ?? 'wait',
    maxAttempts: order.maxAttempts ?? DEFAULT_MAX_ATTEMPTS,
    timeoutSeconds: order.timeoutSeconds ?? null,
    sessionFallback: order.sessionFallback,
    ideaId: order.ideaId ?? null,
    worldId: order.worldId ?? null,
    checkpointId: null,
    targetMachineId: order.machineId ?? null,
    targetProjectRoot: order.projectRoot ?? null,
    targetOrpSessionId: order.orpSessionId ?? null,
    targetCodexSessionId: order.codexSessionId ?? null,
    prompt: order.prompt,
  };
}

function readTimes(
  now: number,
  order: Order,
): Result<{ availableAt: number; expiresAt: number }, 'invalid_input'> {
  const availableAt = Math.max(now, order.notBefore === undefined ? now : Date.parse(order.notBefore));
  const expiresAt =
    order.expiresAt === undefined
      ? Math.min(availableAt + DEFAULT_EXPIRY_MS, now + MAX_EXPIRY_MS)
      : Date.parse(order.expiresAt);
  if (order.expiresAt === undefined && expiresAt <= availableAt) {
    return refuse(
      'invalid_input',
      'notBefore: must be less than 90 days ahead.',
      'Choose an earlier notBefore.',
    );
  }
  if (expiresAt <= availableAt) {
    return refuse(
      'invalid_input',
      'expiresAt: must be later than now and than notBefore.',
      'Choose a later expiresAt.',
    );
  }
  if (expiresAt > now + MAX_EXPIRY_MS) {
    return refuse(
      'invalid_input',
      'expiresAt: may be at most 90 days ahead.',
      'Choose an earlier expiresAt.',
    );
  }
  return accept({ availableAt, expiresAt });
}

/**
 * The target of a request. Each named part must belong to the sender. Sessions may be unknown, because they can be synced
 * later.
 */
export interface NamedTarget {
  machineId?: string | undefined;
  ideaId?: string | undefined;
  worldId?: string | undefined;
}

async function checkTarget(
  deps: Deps,
  userId: UserId,
  named: NamedTarget,
): Promise<Result<undefined, 'not_found'>> {
  const { machineId, ideaId, worldId } = named;
  if (machineId !== undefined) {
    const machine = await findMachine(deps.db, machineId);
    if (machine?.userId !== userId) return missing('machineId', 'machine', machineId);
  }
  // It is enough that a machine of the sender has synced the idea, because it may come from another server.
  if (ideaId !== undefined && (await findIdea(deps.db, userId, ideaId)) === undefined) {
    if (!(await isLinked(deps.db, userId, { ideaId }))) return missing('ideaId', 'idea', ideaId);
  }
  if (worldId !== undefined && !(await hasWorld(deps.db, userId, { worldId, ideaId }))) {
    if (!(await isLinked(deps.db, userId, { ideaId, worldId }))) return missing('worldId', 'world', worldId);
  }
  return accept(undefined);
}

function missing(field: string, noun: string, id: string) {
  return refuse('not_found', `${field}: you have no ${noun} ${id}.`, `Correct ${field}, or leave it out.`);
}
