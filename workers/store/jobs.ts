/** Statements about jobs for their owner: enqueue, find, list. Moves are in `job-moves.ts`. */

import type { AccountLimits } from '../../spec/bounds.ts';
import { BOUNDS, utf8Length } from '../../spec/bounds.ts';
import type { UserId } from '../../spec/ids.ts';
import { IDEMPOTENCY_MS, kindsWhere } from '../../spec/job/kinds.ts';
import { FIRST_STATUS } from '../../spec/job/status.ts';
import type { Added } from './account-usage.ts';
import { hasRoom } from './account-usage.ts';
import type { Database, Statement } from './database.ts';
import { join, raw, sql } from './database.ts';
import { kindIn } from './guard.ts';
import type { JobRow } from './job-row.ts';
import { jobColumns } from './job-row.ts';
import { type LinkFilter, readHeldNear } from './linked-projects.ts';
import { attempts } from './schema.ts';
import { type RowOf, selectList } from './table.ts';

/** The values that the sender chooses. All other values of a new job are derived. */
export type NewJob = Pick<
  JobRow,
  | 'id'
  | 'kind'
  | 'createdAt'
  | 'createdBy'
  | 'source'
  | 'priority'
  | 'availableAt'
  | 'expiresAt'
  | 'onLeaseLoss'
  | 'onUsageLimit'
  | 'maxAttempts'
  | 'timeoutSeconds'
  | 'sessionFallback'
  | 'ideaId'
  | 'worldId'
  | 'checkpointId'
  | 'targetMachineId'
  | 'targetProjectRoot'
  | 'targetOrpSessionId'
  | 'targetCodexSessionId'
> & { prompt: string; idempotencyKey: string | undefined; requestHash: string | undefined };

/** The amounts that a new job adds to the usage of its account. */
export function addedBy({ prompt }: { prompt: string }): Added {
  return { queuedJobs: 1, keptJobs: 1, storedBytes: utf8Length(prompt) };
}

/**
 * Queues a job if its key is unused, its target exists, and the account has room. The last statement is the insert, which
 * returns the row. Keys older than 30 days may be used again.
 */
export function insertIfPossible(userId: UserId, job: NewJob, limits: AccountLimits): Statement[] {
  const insert = sql`
    INSERT INTO jobs (user_id, id, kind, status, created_at, created_by, source, updated_at, priority, available_at, expires_at,
      on_lease_loss, on_usage_limit, max_attempts, timeout_seconds, session_fallback, idea_id, world_id, checkpoint_id,
      target_machine_id, target_project_root, target_orp_session_id, target_codex_session_id, idempotency_key,
      request_hash, delayed, prompt)
    SELECT ${userId}, ${job.id}, ${job.kind}, ${FIRST_STATUS}, ${job.createdAt}, ${job.createdBy}, ${job.source}, ${job.createdAt},
      ${job.priority}, ${job.availableAt}, ${job.expiresAt}, ${job.onLeaseLoss}, ${job.onUsageLimit},
      ${job.maxAttempts}, ${job.timeoutSeconds}, ${job.sessionFallback}, ${job.ideaId}, ${job.worldId}, ${job.checkpointId},
      ${job.targetMachineId}, ${job.targetProjectRoot}, ${job.targetOrpSessionId}, ${job.targetCodexSessionId},
      ${job.idempotencyKey}, ${job.requestHash}, ${job.availableAt > job.createdAt ? 1 : 0}, ${job.prompt}`;
  const target = targetIsThere(userId, job);
  const room = hasRoom(userId, addedBy(job), limits);
  const guarded = {
    sql: `${insert.sql} WHERE ${target.sql} AND ${room.sql} ON CONFLICT DO NOTHING RETURNING ${jobColumns()}`,
    values: [...insert.values, ...target.values, ...room.values],
  };
  if (job.idempotencyKey === undefined) return [guarded];
  const free = sql`
    UPDATE jobs SET idempotency_key = NULL
    WHERE user_id = ${userId} AND idempotency_key = ${job.idempotencyKey} AND created_at <= ${job.createdAt - IDEMPOTENCY_MS}`;
  return [free, guarded];
}

/**
 * The condition that the target exists. An idea or a world may be known only from a machine that used another server before.
 */
function targetIsThere(userId: UserId, { targetMachineId: machineId, ideaId, worldId }: NewJob): Statement {
  return sql`
    (${machineId} IS NULL OR EXISTS (SELECT 1 FROM machines WHERE id = ${machineId} AND user_id = ${userId}))
    AND (${ideaId} IS NULL
      OR EXISTS (SELECT 1 FROM ideas WHERE user_id = ${userId} AND id = ${ideaId} AND deleted_at IS NULL)
      OR EXISTS (SELECT 1 FROM linked_projects WHERE user_id = ${userId} AND idea_id = ${ideaId}))
    AND (${worldId} IS NULL
      OR EXISTS (SELECT 1 FROM worlds
        WHERE user_id = ${userId} AND id = ${worldId} AND idea_id = coalesce(${ideaId}, idea_id))
      OR EXISTS (SELECT 1 FROM linked_projects
        WHERE user_id = ${userId} AND world_id = ${worldId} AND idea_id = coalesce(${ideaId}, idea_id)))`;
}

/** Finds the job of a key, with the hash of the request that created it. */
export function findByKey(
  db: Database,
  userId: UserId,
  key: string,
): Promise<(JobRow & { requestHash: string }) | undefined> {
  return db.first({
    sql: `SELECT ${jobColumns()}, request_hash AS requestHash FROM jobs WHERE user_id = ? AND idempotency_key = ?`,
    values: [userId, key],
  });
}

export function findJob(db: Database, userId: string, id: string): Promise<JobRow | undefined> {
  return db.first<JobRow>(readJob(userId, id));
}

export function readJob(userId: string, id: string): Statement {
  return { sql: `SELECT ${jobColumns()} FROM jobs WHERE user_id = ? AND id = ?`, values: [userId, id] };
}

/** Finds a job of any account, for operators. It does one seek per account and needs no extra index. */
export function findJobOfAnyone(db: Database, id: string): Promise<JobRow | undefined> {
  return db.first<JobRow>({
    sql: `SELECT ${jobColumns('j.')} FROM users u CROSS JOIN jobs j ON j.user_id = u.id AND j.id = ?`,
    values: [id],
  });
}

export function readTexts(userId: string, id: string): Statement {
  return sql`SELECT prompt, content FROM jobs WHERE user_id = ${userId} AND id = ${id}`;
}

/** A row of a list, with the start of the prompt. */
export type ListedJob = JobRow & { promptStart: string | null };

/**
 * The expression for the start of a prompt in lists. Not used for prompts that the server composed, because they all begin in
 * the same way.
 */
export function promptStart(): string {
  const sent = kindsWhere((rules) => rules.composedBy === 'sender');
  return `CASE WHEN ${kindIn(sent)} THEN substr(prompt, 1, 400) END`;
}

export interface JobFilter {
  /** The statuses to list. If empty, the list includes every status. */
  statuses: readonly string[];
  live: boolean;
  kind?: string | undefined;
  ideaId?: string | undefined;
  machineId?: string | undefined;
  /** If set, the list includes only jobs that are older than this job. */
  before?: string | undefined;
  limit: number;
}

/** The number of jobs that a filtered list reads for one page, so that its cost does not depend on the history. */
export const LIST_SCAN = 1000;

/** Returns whether a list may have to read jobs that it does not show. */
export function isScan(filter: JobFilter): boolean {
  return !filter.live && isNarrowed(filter);
}

/** Returns whether a list shows only some jobs, or some of the live jobs. */
export function isNarrowed({ statuses, kind, ideaId, machineId }: JobFilter): boolean {
  return statuses.length > 0 || [kind, ideaId, machineId].some((value) => value !== undefined);
}

/** Reads the last job that a page searches. Returns no row if the page reaches the oldest job. */
export function readScanEnd(userId: UserId, before: string | undefined): Statement {
  const older = before === undefined ? raw('') : sql`AND id < ${before}`;
  return sql`SELECT id FROM jobs WHERE user_id = ${userId} ${older} ORDER BY id DESC LIMIT 1 OFFSET ${LIST_SCAN - 1}`;
}

/** The conditions of a filter. `prefix` names the table in a join. */
function conditionsOf({ statuses, kind, ideaId, machineId }: JobFilter, prefix = ''): Statement {
  const column = (name: string) => raw(`${prefix}${name}`);
  const only = (value: string | undefined, condition: Statement) => (value === undefined ? [] : [condition]);
  const isListed = sql`${column('status')} IN (SELECT value FROM json_each(${JSON.stringify(statuses)}))`;
  const machine = sql`coalesce(${column('machine_id')}, ${column('target_machine_id')}) = ${machineId}`;
  const conditions = [
    ...only(kind, sql`${column('kind')} = ${kind}`),
    ...only(ideaId, sql`${column('idea_id')} = ${ideaId}`),
    ...only(machineId, machine),
    ...(statuses.length > 0 ? [isListed] : []),
  ];
  return conditions.length === 0 ? raw('true') : join(conditions, ' AND ');
}

const listed = (prefix = '') => raw(`${jobColumns(prefix)}, ${promptStart()} AS promptStart`);

/** `readFewLive` reads at most this many live jobs of any age. If it finds fewer, there are no others. */
export const FEW_LIVE = 4;

/** A page of live jobs is looked for among this many more of the newest jobs than it shows. */
const ENDED_AMONG_NEWEST = 8;

/**
 * Two reads for a page of all live jobs that cost one read row for each job. The first looks among the newest jobs: if it
 * fills the page, it is the page. The second reads a few live jobs of any age: if there are no others, they are the page.
 * Only a long queue that is older than many jobs which have ended needs `readJobs`.
 */
export function readFewLive(
  userId: UserId,
  { before, limit }: Pick<JobFilter, 'before' | 'limit'>,
): [newest: Statement, few: Statement] {
  const older = before === undefined ? raw('true') : sql`id < ${before}`;
  return [
    sql`SELECT ${listed()} FROM (SELECT * FROM jobs WHERE user_id = ${userId} AND ${older}
        ORDER BY id DESC LIMIT ${limit + ENDED_AMONG_NEWEST})
      WHERE finished_at IS NULL LIMIT ${limit}`,
    sql`SELECT ${listed()} FROM jobs INDEXED BY jobs_live
      WHERE user_id = ${userId} AND finished_at IS NULL LIMIT ${FEW_LIVE}`,
  ];
}

/** Reads jobs, newest first, by primary key, because ids are ordered by time. */
export function readJobs(userId: UserId, filter: JobFilter): Statement {
  if (filter.live) return readLive(userId, filter);
  const older = filter.before === undefined ? raw('true') : sql`id < ${filter.before}`;
  const scanned = isScan(filter)
    ? sql`id >= coalesce((${readScanEnd(userId, filter.before)}), '')`
    : raw('true');
  return sql`
    SELECT ${listed()} FROM jobs WHERE user_id = ${userId} AND ${older} AND ${conditionsOf(filter)} AND ${scanned}
    ORDER BY id DESC LIMIT ${filter.limit}`;
}

/**
 * Reads live jobs, newest first. The index of live jobs is sorted by lane and priority, and within these by id. So each lane
 * and priority is read from its end, and the newest of all is taken next. The cost depends on the number of lanes and on the
 * limit, but not on the length of the queue. SQLite returns the rows of such a query in the order in which it takes them.
 */
function readLive(userId: UserId, filter: JobFilter): Statement {
  const first = (where: Statement, order: Statement) => sql`
    (SELECT id FROM jobs INDEXED BY jobs_live WHERE user_id = ${userId} AND finished_at IS NULL AND ${where}
      ORDER BY ${order} LIMIT 1)`;
  const inOrder = raw('place, lane, priority DESC, id');
  const columns = raw(
    'h.id, h.place, h.lane, h.priority, h.status, h.kind, h.idea_id, h.machine_id, h.target_machine_id',
  );
  const newest = (older: Statement, lane: string) => {
    const same = raw(`place = ${lane}.place AND lane = ${lane}.lane AND priority = ${lane}.priority`);
    return first(sql`${same} AND ${older} AND ${conditionsOf(filter)}`, raw('id DESC'));
  };
  // The other jobs of a lane have the same target as the first. Jobs that are not due are in lanes by their time.
  const isWanted = sql`(${conditionsOf(filter, 'f.')} OR f.place >= 'later ' AND f.place < 'later!')`;
  const before = filter.before === undefined ? raw('true') : sql`id < ${filter.before}`;
  return sql`
    WITH RECURSIVE firsts AS (
      SELECT ${columns} FROM jobs h WHERE h.user_id = ${userId} AND h.id = ${first(raw('true'), inOrder)}
      UNION ALL
      SELECT ${columns} FROM firsts f CROSS JOIN jobs h ON h.user_id = ${userId} AND h.id = coalesce(
        ${first(raw('place = f.place AND lane = f.lane AND priority < f.priority'), raw('priority DESC, id'))},
        ${first(raw('place = f.place AND lane > f.lane'), raw('lane, priority DESC, id'))},
        ${first(raw('place > f.place'), inOrder)})),
    newest AS (
      SELECT ${newest(before, 'f')} AS id, f.place, f.lane, f.priority FROM firsts f WHERE ${isWanted}
      UNION ALL
      SELECT ${newest(raw('id < n.id'), 'n')}, n.place, n.lane, n.priority FROM newest n WHERE n.id IS NOT NULL
      ORDER BY 1 DESC LIMIT ${filter.limit})
    SELECT ${listed('j.')} FROM newest n CROSS JOIN jobs j ON j.user_id = ${userId} AND j.id = n.id`;
}

export type AttemptRow = Omit<RowOf<typeof attempts>, 'userId' | 'jobId'> & {
  contentBytes: number | null;
};

/**
 * Reads the newest replaced attempts, sorted from the oldest to the newest. Answers are included, newest first, as long as
 * they fit.
 */
export function readAttempts(userId: string, jobId: string): Statement {
  const columns = selectList(attempts, { without: ['userId', 'jobId', 'content'], prefix: 'a.' });
  return {
    sql: `
      WITH newest AS (
        SELECT lease_count, octet_length(content) AS bytes FROM attempts
        WHERE user_id = ?1 AND job_id = ?2 ORDER BY lease_count DESC LIMIT ${BOUNDS.shownAttempts}),
      measured AS (
        SELECT lease_count, bytes, sum(coalesce(bytes, 0)) OVER (ORDER BY lease_count DESC) AS running FROM newest)
      SELECT ${columns}, m.bytes AS contentBytes,
        CASE WHEN m.running <= ${BOUNDS.pageBytes} THEN a.content END AS content
      FROM measured m JOIN attempts a ON a.user_id = ?1 AND a.job_id = ?2 AND a.lease_count = m.lease_count
      ORDER BY a.lease_count`,
    values: [userId, jobId],
  };
}

/**
 * What a machine gets with a job, for a list of columns: the prompt, and the leases of the automatic attempts before this one,
 * newest first. An attempt that was returned had no effect. Only a job that was requeued after a lost lease has such leases.
 */
export const HANDED_OUT = `prompt, CASE WHEN attempts_used > 1 THEN (
  SELECT json_group_array(lease_id) FROM (SELECT lease_id FROM attempts a
    WHERE a.user_id = jobs.user_id AND a.job_id = jobs.id AND a.outcome <> 'released' AND a.lease_id IS NOT NULL
    ORDER BY a.lease_count DESC LIMIT ${BOUNDS.shownAttempts})) END AS earlierLeases`;

/** A row with these columns. */
export type HandedOutRow = JobRow & { prompt: string; earlierLeases: string | null };

export type HandedOut = JobRow & { prompt: string; earlierLeases: string[] };

/** Returns the job of a row with the columns `HANDED_OUT`. */
export function handedOut({ earlierLeases, ...job }: HandedOutRow): HandedOut {
  const leases = JSON.parse(earlierLeases ?? '[]') as string[];
  return { ...job, earlierLeases: leases.slice(0, Math.max(0, job.attemptsUsed - 1)) };
}

/** Reads a job with the columns `HANDED_OUT`. */
export function readHandedOut({ userId, id }: { userId: string; id: string }): Statement {
  return sql`SELECT ${raw(jobColumns())}, ${raw(HANDED_OUT)} FROM jobs WHERE user_id = ${userId} AND id = ${id}`;
}

/** Returns whether the holder returned the job under this lease, or a sweep did because it had never started. */
export async function wasReleased(
  db: Database,
  job: { userId: string; id: string },
  holder: { machineId: string; leaseId: string },
): Promise<boolean> {
  const row = await db.first(sql`
    SELECT 1 FROM attempts WHERE user_id = ${job.userId} AND job_id = ${job.id}
      AND lease_id = ${holder.leaseId} AND machine_id = ${holder.machineId} AND outcome = 'released'`);
  return row !== undefined;
}

/** Returns whether a machine held the job under this lease in an earlier attempt. */
export async function hadLease(
  db: Database,
  job: Pick<JobRow, 'userId' | 'id'>,
  holder: { machineId: string; leaseId: string | null | undefined },
): Promise<boolean> {
  const row = await db.first(sql`
    SELECT 1 FROM attempts WHERE user_id = ${job.userId} AND job_id = ${job.id}
      AND lease_id = ${holder.leaseId} AND machine_id = ${holder.machineId}`);
  return row !== undefined;
}

/** A row of `readBusySessions`. */
export interface BusyRow {
  codexSessionId: string;
  jobId: string;
  status: JobRow['status'];
}

/** Reads which jobs occupy the agent sessions of these linked repositories. May also return other jobs. */
export function readBusySessions(userId: string, near: LinkFilter): Statement {
  const columns = (prefix: string) =>
    `${prefix}codex_session_id AS codexSessionId, ${prefix}id AS jobId, ${prefix}status`;
  return readHeldNear(userId, { near, columns });
}

/** Why the last holders of these jobs returned them: one row for each job whose newest attempt was returned. */
export function readReturnReasons(userId: string, jobIds: readonly string[]): Statement {
  return sql`
    SELECT a.job_id AS jobId, a.error FROM json_each(${JSON.stringify(jobIds)}) j CROSS JOIN attempts a
      ON a.user_id = ${userId} AND a.job_id = j.value AND a.lease_count = (
        SELECT max(lease_count) FROM attempts WHERE user_id = ${userId} AND job_id = j.value)
    WHERE a.outcome = 'released' AND a.error IS NOT NULL`;
}
