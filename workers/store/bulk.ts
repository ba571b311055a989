/** Bulk runs, and the jobs that they select. */

import { lowestIdAt } from '../../spec/ids.ts';
import { type JobStatus, TRANSITIONS } from '../../spec/job/status.ts';
import type { BulkAction, BulkFilter } from '../../spec/overview/bulk.ts';
import { auditOrder } from './audit.ts';
import type { Database, Statement } from './database.ts';
import { join, raw, sql } from './database.ts';
import { statusIn } from './guard.ts';
import { jobColumns, LIVE_OF_ALL } from './job-row.ts';
import { IN_TROUBLE } from './overview-reads.ts';
import { bulkRuns } from './schema.ts';
import { type RowOf, selectList } from './table.ts';

export type BulkRun = RowOf<typeof bulkRuns> & {
  email: string;
  /** The present role of the person who started the run. A disabled person counts as a member. */
  role: 'member' | 'operator';
};

/** Selects the jobs of a bulk order that were queued before a time. */
export interface BulkQuery extends Omit<BulkFilter, 'status'> {
  statuses: readonly JobStatus[];
  before: number;
  /** The name of the run. Jobs that this run has already ordered are skipped. */
  name?: string | undefined;
  after?: { userId: string; jobId: string } | undefined;
}

/** A bulk order skips jobs that failed longer ago than this. */
export const FAILED_FOR_MS = 30 * 24 * 60 * 60_000;

/** The maximum number of jobs that one dry run counts. */
export const COUNT_LIMIT = 10_000;

/** The source that the audit log gives for the orders of a run. */
export function bulkSource(name: string): string {
  return `bulk:${name}`;
}

const HAS_FAILED = statusIn([TRANSITIONS.fail.to], 'j.');

/** Finds live jobs in one index and failed jobs in another, so that the history is not read. */
function placesOf({ statuses, before }: BulkQuery): Statement[] {
  const failed = sql`users u CROSS JOIN jobs j INDEXED BY jobs_in_trouble ON j.user_id = u.id
    AND ${raw(IN_TROUBLE.replace('status', 'j.status'))} AND ${raw(HAS_FAILED)}
    AND j.updated_at >= ${before - FAILED_FOR_MS}`;
  const isLive = statuses.some((status) => status !== 'failed');
  return [...(isLive ? [raw(LIVE_OF_ALL)] : []), ...(statuses.includes('failed') ? [failed] : [])];
}

function conditionsOf(query: BulkQuery): Statement {
  const { account, kind, ideaId, machineId, statuses, before, name, after } = query;
  const only = (condition: Statement, value: unknown) => (value === undefined ? [] : [condition]);
  return join(
    [
      sql`j.id < ${lowestIdAt('job', before)} AND j.created_at < ${before}`,
      sql`j.status IN (SELECT value FROM json_each(${JSON.stringify(statuses)}))`,
      ...only(sql`(u.id = ${account} OR u.email = lower(${account}))`, account),
      ...only(sql`j.kind = ${kind}`, kind),
      ...only(sql`j.idea_id = ${ideaId}`, ideaId),
      ...only(sql`coalesce(j.machine_id, j.target_machine_id) = ${machineId}`, machineId),
      ...only(sql`u.id >= ${after?.userId} AND (u.id, j.id) > (${after?.userId}, ${after?.jobId})`, after),
      ...only(
        sql`NOT EXISTS (SELECT 1 FROM audit_log a
          WHERE a.user_id = j.user_id AND a.subject = j.id AND a.source = ${bulkSource(name ?? '')})`,
        name,
      ),
    ],
    ' AND ',
  );
}

/** Counts the jobs that match, up to a limit. */
export function countBulk(query: BulkQuery): Statement {
  const where = conditionsOf(query);
  const parts = placesOf(query).map((place) => sql`SELECT 1 FROM ${place} WHERE ${where}`);
  return sql`SELECT count(*) AS count FROM (${join(parts, ' UNION ALL ')} LIMIT ${COUNT_LIMIT})`;
}

/** Reads the next jobs in the order of account and id. */
export function readBulkJobs(query: BulkQuery, limit: number): Statement {
  const where = conditionsOf(query);
  const parts = placesOf(query).map(
    (place) => sql`
      SELECT * FROM (SELECT u.id AS user_id, j.id FROM ${place} WHERE ${where}
        ORDER BY u.id, j.id LIMIT ${limit})`,
  );
  return sql`
    SELECT ${raw(jobColumns('j.'))} FROM (${join(parts, ' UNION ALL ')} ORDER BY 1, 2 LIMIT ${limit}) found
    CROSS JOIN jobs j ON j.user_id = found.user_id AND j.id = found.id ORDER BY j.user_id, j.id`;
}

const COLUMNS = `${selectList(bulkRuns, { prefix: 'b.' })}, u.email,
  CASE WHEN u.disabled_at IS NULL THEN u.role ELSE 'member' END AS role`;
const RUNS = 'bulk_runs b JOIN users u ON u.id = b.created_by';

export function findBulk(db: Database, name: string): Promise<BulkRun | undefined> {
  return db.first<BulkRun>(sql`SELECT ${raw(COLUMNS)} FROM ${raw(RUNS)} WHERE b.name = ${name}`);
}

export function readRunningBulk(limit: number): Statement {
  return sql`
    SELECT ${raw(COLUMNS)} FROM bulk_runs b INDEXED BY bulk_running JOIN users u ON u.id = b.created_by
    WHERE b.finished_at IS NULL ORDER BY b.created_at LIMIT ${limit}`;
}

/** Reads the newest runs. There are few runs, because cron deletes old ones. */
export function readNewestBulk(limit: number): Statement {
  return sql`SELECT ${raw(COLUMNS)} FROM ${raw(RUNS)} ORDER BY b.created_at DESC, b.name LIMIT ${limit}`;
}

export interface NewBulk {
  name: string;
  action: BulkAction;
  /** The filter as JSON. */
  filter: string;
  reason: string | undefined;
  seenCount: number;
  createdBy: string;
  source: string;
  now: number;
}

/** Adds a run. Returns false if a run with this name exists. */
export function insertBulkIfNew(db: Database, run: NewBulk): Promise<boolean> {
  const entry = {
    ...{ at: run.now, userId: run.createdBy, actor: run.createdBy, source: run.source, subject: run.name },
    detail: `${run.action} ${run.filter}`,
  };
  return changeWithEntry(db, [
    sql`
      INSERT OR IGNORE INTO bulk_runs (name, action, filter, reason, seen_count, created_by, source, created_at, updated_at)
      VALUES (${run.name}, ${run.action}, ${run.filter}, ${run.reason}, ${run.seenCount}, ${run.createdBy},
        ${run.source}, ${run.now}, ${run.now})`,
    auditOrder(
      { ...entry, action: 'bulk_started' },
      sql`EXISTS (SELECT 1 FROM bulk_runs WHERE name = ${run.name} AND created_at = ${run.now}
        AND created_by = ${run.createdBy} AND steps = 0)`,
    ),
  ]);
}

/** Runs a change with its audit entry. Returns whether the change took effect. */
async function changeWithEntry(db: Database, statements: readonly Statement[]): Promise<boolean> {
  const [changed] = await db.batch(statements);
  return (changed?.changes ?? 0) > 0;
}

/**
 * The result of a step. `after` is the last job that it handled, or undefined if no job was left and the run is
 * complete.
 */
export interface BulkStep {
  done: number;
  skipped: number;
  after: { userId: string; jobId: string } | undefined;
  now: number;
}

/**
 * Records a step. If two concurrent steps handled the same jobs, only one is recorded. Returns false for the other step.
 */
export function noteStepIfCurrent(
  db: Database,
  run: Pick<BulkRun, 'name' | 'steps'>,
  { done, skipped, after, now }: BulkStep,
): Promise<boolean> {
  const { userId, jobId } = after ?? {};
  return db.write(sql`
    UPDATE bulk_runs SET steps = steps + 1, done = done + ${done}, skipped = skipped + ${skipped}, updated_at = ${now},
      position_user = coalesce(${userId}, position_user), position_job = coalesce(${jobId}, position_job),
      finished_at = ${after === undefined ? now : undefined}
    WHERE name = ${run.name} AND steps = ${run.steps} AND finished_at IS NULL`);
}

/** Ends a run. Returns false if it has already ended. */
export function abortBulkIfRunning(
  db: Database,
  name: string,
  { by, userId, source, now }: { by: string; userId: string; source: string; now: number },
): Promise<boolean> {
  const entry = { at: now, userId, actor: userId, source, subject: name, detail: undefined };
  return changeWithEntry(db, [
    sql`
      UPDATE bulk_runs SET finished_at = ${now}, updated_at = ${now}, aborted_by = ${by}
      WHERE name = ${name} AND finished_at IS NULL`,
    auditOrder(
      { ...entry, action: 'bulk_aborted' },
      sql`EXISTS (SELECT 1 FROM bulk_runs WHERE name = ${name} AND finished_at = ${now} AND aborted_by = ${by})`,
    ),
  ]);
}

/** Deletes runs that ended long ago. Their orders stay in the audit log of the jobs. */
export function pruneBulk(endedBefore: number): Statement {
  return sql`DELETE FROM bulk_runs WHERE finished_at < ${endedBefore}`;
}
