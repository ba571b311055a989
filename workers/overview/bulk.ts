/**
 * Applies one order to all jobs that match a filter. A run proceeds in steps, which cron or a client starts. A step reads
 * the next jobs, orders each job with the guards of a single order, and records its progress. If a step is repeated after
 * a crash, it skips the jobs that the audit log lists as ordered, so no job is ordered twice.
 */

import type { startBulk as bulkRow, showBulk as showRow } from '../../spec/contract/admin.ts';
import type { BodyOf, ReplyInput } from '../../spec/contract/endpoint.ts';
import { accept, type Result, refuse } from '../../spec/errors.ts';
import { BULK_FROM, type BulkFilter, bulkStatuses } from '../../spec/overview/bulk.ts';
import type { SignedIn } from '../accounts/authenticate.ts';
import type { Deps } from '../base/deps.ts';
import { iso } from '../base/iso.ts';
import { cancelFound, retryFound } from '../jobs/cancel-retry.ts';
import {
  abortBulkIfRunning,
  type BulkQuery,
  type BulkRun,
  bulkSource,
  COUNT_LIMIT,
  countBulk,
  findBulk,
  insertBulkIfNew,
  noteStepIfCurrent,
  readBulkJobs,
  readNewestBulk,
  readRunningBulk,
} from '../store/bulk.ts';
import type { JobRow } from '../store/job-row.ts';

/** The number of jobs that one step handles. */
export const STEP_JOBS = 20;
/** The maximum number of steps, over all bulk runs, in one cron run. */
const CRON_STEPS = 3;
const SHOWN_RUNS = 50;

export type BulkView = ReplyInput<typeof showRow>['run'];
type BulkOrder = Pick<BodyOf<typeof bulkRow>, 'action' | 'filter'>;

/** Counts the jobs that match now. */
export async function countMatching(
  deps: Deps,
  { action, filter }: BulkOrder,
): Promise<Result<{ count: number; isExact: boolean }, 'invalid_input'>> {
  const query = queryOf({ action, filter }, deps.now);
  if (!query.ok) return query;
  const count = (await deps.db.first<{ count: number }>(countBulk(query.value)))?.count ?? 0;
  return accept({ count, isExact: count < COUNT_LIMIT });
}

/** Converts the filter for the store. An unknown account or id matches nothing. */
function queryOf({ action, filter }: BulkOrder, before: number): Result<BulkQuery, 'invalid_input'> {
  const { status, ...rest } = filter;
  const meant = bulkStatuses(action, status);
  if (meant.kind === 'statuses') return accept({ ...rest, statuses: meant.statuses, before });
  return refuse(
    'invalid_input',
    `filter.status: jobs that are ${meant.status} cannot be ordered to ${action}.`,
    `Use any of ${BULK_FROM[action].join(', ')}.`,
  );
}

/**
 * Starts a run under its name. A repeated order returns the same run. An order is refused if more jobs match than the
 * person saw.
 */
export async function startBulk(
  deps: Deps,
  operator: SignedIn,
  order: BulkOrder & { name: string; count: number; reason: string | undefined; source: string },
): Promise<
  Result<{ run: BulkView; created: boolean }, 'invalid_input' | 'record_changed' | 'idempotency_conflict'>
> {
  const { name, action, count, reason, source } = order;
  const filter = JSON.stringify(order.filter);
  const before = await findBulk(deps.db, name);
  if (before !== undefined) return repeated(before, { ...order, filter });
  const matching = await countMatching(deps, order);
  if (!matching.ok) return matching;
  if (matching.value.count > count) {
    return refuse(
      'record_changed',
      `The filter matches ${matching.value.count} jobs now, and the order was for ${count}.`,
      'Request the count again with dryRun, then send the order with that count.',
    );
  }
  const run = {
    name,
    action,
    filter,
    reason,
    seenCount: count,
    source,
    createdBy: operator.id,
    now: deps.now,
  };
  const created = await insertBulkIfNew(deps.db, run);
  if (created) deps.log('bulk_started', { name, action, count, by: operator.id });
  const stored = await findBulk(deps.db, name);
  if (stored === undefined) throw new Error(`bulk run ${name} was deleted as it was made`);
  return created ? accept({ run: viewRun(stored), created }) : repeated(stored, { ...order, filter });
}

function repeated(
  run: BulkRun,
  { action, filter, count }: { action: string; filter: string; count: number },
): Result<{ run: BulkView; created: boolean }, 'idempotency_conflict'> {
  if (run.action === action && run.filter === filter && run.seenCount === count)
    return accept({ run: viewRun(run), created: false });
  return refuse(
    'idempotency_conflict',
    `A run named ${run.name} with another order was started at ${new Date(run.createdAt).toISOString()}.`,
    'Choose another name.',
  );
}

export async function showBulk(deps: Deps, name: string): Promise<Result<BulkView, 'not_found'>> {
  const run = await findBulk(deps.db, name);
  return run === undefined ? noRun(name) : accept(viewRun(run));
}

export async function listBulk(deps: Deps): Promise<BulkView[]> {
  return (await deps.db.all<BulkRun>(readNewestBulk(SHOWN_RUNS))).map(viewRun);
}

/** Performs one step of a run. Does nothing if the run has ended. */
export async function advanceBulk(deps: Deps, name: string): Promise<Result<BulkView, 'not_found'>> {
  const run = await findBulk(deps.db, name);
  if (run === undefined) return noRun(name);
  if (run.finishedAt === null) await step(deps, run);
  return showBulk(deps, name);
}

/** Ends a run. Its orders stay in effect, and the other jobs are not changed. A running step finishes its jobs. */
export async function abortBulk(
  deps: Deps,
  operator: SignedIn,
  { name, source }: { name: string; source: string },
): Promise<Result<{ run: BulkView; changed: boolean }, 'not_found'>> {
  const by = { by: operator.email, userId: operator.id, source, now: deps.now };
  const changed = await abortBulkIfRunning(deps.db, name, by);
  if (changed) deps.log('bulk_aborted', { name, by: operator.id });
  const run = await showBulk(deps, name);
  return run.ok ? accept({ run: run.value, changed }) : run;
}

/** Performs a few steps of the oldest runs. */
export async function advanceRunning(deps: Deps): Promise<void> {
  for (let steps = 0; steps < CRON_STEPS; steps += 1) {
    const [run] = await deps.db.all<BulkRun>(readRunningBulk(1));
    if (run === undefined) return;
    await step(deps, run);
  }
}

async function step(deps: Deps, run: BulkRun): Promise<void> {
  // The person who started the run may no longer be an operator. Then the run must not order anything.
  if (run.role !== 'operator') {
    const by = { by: run.email, userId: run.createdBy, source: bulkSource(run.name), now: deps.now };
    await abortBulkIfRunning(deps.db, run.name, by);
    return;
  }
  const jobs = await readNext(deps, run);
  let done = 0;
  for (const job of jobs) if (await orderJob(deps, run, job)) done += 1;
  const last = jobs.at(-1);
  const after = last && { userId: last.userId, jobId: last.id };
  const noted = { done, skipped: jobs.length - done, after, now: deps.now };
  await noteStepIfCurrent(deps.db, run, noted);
  if (after === undefined)
    deps.log('bulk_completed', { name: run.name, done: run.done, skipped: run.skipped });
}

async function readNext(deps: Deps, run: BulkRun): Promise<JobRow[]> {
  const { action, name, positionUser: userId, positionJob: jobId } = run;
  const limit = Math.min(STEP_JOBS, run.seenCount - run.done);
  if (limit <= 0) return [];
  const query = queryOf(
    { action, filter: JSON.parse(run.filter) as BulkFilter as BulkOrder['filter'] },
    run.createdAt,
  );
  if (!query.ok) return [];
  const after = userId === '' ? undefined : { userId, jobId };
  return deps.db.all<JobRow>(readBulkJobs({ ...query.value, name, after }, limit));
}

/** Orders one job. Returns false if the job has changed since it was read, for example because it has ended. */
async function orderJob(deps: Deps, run: BulkRun, job: JobRow): Promise<boolean> {
  const { createdBy: id, email, role, reason } = run;
  const token = { hash: '', kind: 'browser', scope: 'owner', deviceName: run.name, expiresAt: null } as const;
  const operator: SignedIn = { id, email, role, name: email, tokenHash: '', token };
  const order = { jobId: job.id, reason, source: bulkSource(run.name) };
  const ordered =
    run.action === 'cancel'
      ? await cancelFound(deps, operator, { job, order })
      : await retryFound(deps, operator, { job, order: { ...order, expectedAttempt: job.attempt } });
  return ordered.ok;
}

function noRun(name: string) {
  return refuse('not_found', `There is no bulk run ${name}.`, 'GET /api/admin/bulk lists the newest runs.');
}

function viewRun(run: BulkRun): BulkView {
  const { name, action, filter, reason, seenCount: count, email, done, skipped } = run;
  return {
    name,
    action,
    filter: JSON.parse(filter),
    reason: reason ?? undefined,
    state: run.finishedAt === null ? 'running' : run.abortedBy === null ? 'completed' : 'aborted',
    count,
    done,
    skipped,
    createdBy: email,
    createdAt: new Date(run.createdAt).toISOString(),
    updatedAt: new Date(run.updatedAt).toISOString(),
    finishedAt: iso(run.finishedAt),
    abortedBy: run.abortedBy ?? undefined,
  };
}
