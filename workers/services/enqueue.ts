/** Puts a job into the queue, once per Idempotency-Key, and wakes the machines that could claim it now. */

import type { BodyOf } from '../../spec/contract/endpoint.ts';
import type { enqueueJob as enqueueRow } from '../../spec/contract/jobs.ts';
import type { Result } from '../../spec/errors.ts';
import { accept, refuse } from '../../spec/errors.ts';
import {
  DEFAULT_EXPIRY_MS,
  DEFAULT_LEASE_LOSS,
  DEFAULT_MAX_ATTEMPTS,
  MAX_EXPIRY_MS,
  MAX_PROMPT_BYTES,
} from '../../spec/job/kinds.ts';
import { routesFor } from '../../spec/job/routing.ts';
import type { Surroundings } from '../../spec/job/waiting.ts';
import type { Deps } from '../deps.ts';
import type { Statement } from '../store/database.ts';
import * as ideas from '../store/ideas.ts';
import type { JobRow } from '../store/job-row.ts';
import { targetOf } from '../store/job-row.ts';
import type { NewJob } from '../store/jobs.ts';
import { findByKey, findJob, insertIfKeyIsFree } from '../store/jobs.ts';
import { findMachine } from '../store/machines.ts';
import { worldOfIdea } from '../store/worlds.ts';
import type { JobView } from './job-view.ts';
import { surroundingsOf, viewJob, waitingOf } from './job-view.ts';
import { sha256 } from './passwords.ts';
import type { SignedIn } from './sign-in.ts';
import { wakeMachines } from './wake.ts';

export type Order = BodyOf<typeof enqueueRow>;
type Refused = 'not_found' | 'invalid_input' | 'idempotency_conflict' | 'body_too_large';

export interface Enqueued {
  job: JobView;
  created: boolean;
}

/** Queues a prompt. The same key with the same order brings the same job. */
export async function enqueuePrompt(
  deps: Deps,
  user: SignedIn,
  { order, idempotencyKey }: { order: Order; idempotencyKey: string | undefined },
): Promise<Result<Enqueued, Refused>> {
  if (new TextEncoder().encode(order.prompt).byteLength > MAX_PROMPT_BYTES) {
    return refuse(
      'body_too_large',
      `The prompt may have at most ${MAX_PROMPT_BYTES} bytes.`,
      'Shorten it, or put the text into a file of the repository.',
    );
  }
  const times = readTimes(deps.now, order);
  if (!times.ok) return times;
  const target = await checkTarget(deps, user, order);
  if (!target.ok) return target;
  return insertJob(deps, user, {
    job: {
      ...newJob(deps, user, order),
      ...times.value,
      idempotencyKey,
      requestHash: idempotencyKey && (await sha256(JSON.stringify(order))),
    },
    together: [],
  });
}

/** Writes a job (with what belongs to it) and announces it. */
export async function insertJob(
  deps: Deps,
  user: SignedIn,
  { job, together }: { job: NewJob; together: readonly Statement[] },
): Promise<Result<Enqueued, 'idempotency_conflict'>> {
  await deps.db.batch([...insertIfKeyIsFree(user.id, job), ...together]);
  const stored =
    job.idempotencyKey === undefined
      ? await findJob(deps.db, user.id, job.id)
      : await findByKey(deps.db, user.id, job.idempotencyKey);

  if (stored === undefined) throw new Error('a job that was just inserted is not there');
  const created = stored.id === job.id;
  if (!created && 'requestHash' in stored && stored.requestHash !== job.requestHash) {
    return refuse(
      'idempotency_conflict',
      `This Idempotency-Key was used for another request (job ${stored.id}).`,
      'Use a new key for a new job.',
    );
  }
  const around = await surroundingsOf(deps, user.id);
  if (created) announce(deps, stored, around);
  return accept({ job: viewJob(stored, waitingOf(stored, around, deps.now)), created });
}

function announce(deps: Deps, job: JobRow, around: Surroundings): void {
  deps.log('job_queued', { jobId: job.id, kind: job.kind, userId: job.userId });
  const routes = routesFor(targetOf(job), around.projects);
  if (routes.length === 0) deps.log('no_routeable_session', { jobId: job.id, userId: job.userId });
  if (job.availableAt <= deps.now) wakeMachines(deps, job.userId, routes);
}

function newJob(
  deps: Deps,
  user: SignedIn,
  order: Order,
): Omit<NewJob, 'availableAt' | 'expiresAt' | 'idempotencyKey' | 'requestHash'> {
  return {
    id: deps.newId('job'),
    kind: order.kind,
    createdAt: deps.now,
    createdBy: user.email,
    priority: order.priority,
    onLeaseLoss: order.onLeaseLoss ?? DEFAULT_LEASE_LOSS[order.kind],
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
    order.expiresAt === undefined ? availableAt + DEFAULT_EXPIRY_MS : Date.parse(order.expiresAt);
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

/** What the order names must be the sender's own. Sessions may be unknown: they can be synced later. */
async function checkTarget(
  deps: Deps,
  user: SignedIn,
  order: Order,
): Promise<Result<undefined, 'not_found'>> {
  if (order.machineId !== undefined) {
    const machine = await findMachine(deps.db, order.machineId);
    if (machine?.userId !== user.id) return missing('machineId', order.machineId);
  }
  if (order.ideaId !== undefined && !(await isKnownIdea(deps, user, order.ideaId)))
    return missing('ideaId', order.ideaId);
  if (order.worldId !== undefined && order.ideaId !== undefined) {
    const world = await worldOfIdea(deps.db, user.id, order.ideaId);
    if (world !== undefined && world.id !== order.worldId) return missing('worldId', order.worldId);
  }
  return accept(undefined);
}

/** An idea of the sender, or one that a machine of the sender has linked. */
async function isKnownIdea(deps: Deps, user: SignedIn, ideaId: string): Promise<boolean> {
  if ((await ideas.findIdea(deps.db, user.id, ideaId)) !== undefined) return true;
  const { projects } = await surroundingsOf(deps, user.id);
  return projects.some((project) => project.ideaId === ideaId);
}

function missing(field: string, id: string) {
  return refuse(
    'not_found',
    `${field}: you have no ${field.replace('Id', '')} ${id}.`,
    `Correct ${field}, or leave it out.`,
  );
}
