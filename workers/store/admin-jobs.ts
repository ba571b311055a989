/** Lists the jobs of all accounts, for operators. Every statement reads a bounded number of rows. */

import { lowestIdAt } from '../../spec/ids.ts';
import { isTerminal, JOB_STATUSES, type JobStatus } from '../../spec/job/status.ts';
import { LIVE_COUNTED } from './admin-reads.ts';
import { join, raw, type Statement, sql } from './database.ts';
import { statusIn } from './guard.ts';
import { jobColumns, LIVE_OF_ALL } from './job-row.ts';
import { type ListedJob, promptStart } from './jobs.ts';
import { IN_TROUBLE } from './overview-reads.ts';

export type AdminJobRow = ListedJob & { email: string; machineName: string | null };

export interface AdminJobFilter {
  statuses: readonly JobStatus[];
  /** The id or the e-mail address of an account. */
  account?: string | undefined;
  kind?: string | undefined;
  ideaId?: string | undefined;
  machineId?: string | undefined;
  /** If set, the list includes only jobs that are older than this job. */
  before?: string | undefined;
  /** The list includes a failed job only if it failed after this time. */
  failedSince: number;
  /** Without an account, the list includes other ended jobs only if they were queued after this time. */
  queuedSince: number;
  limit: number;
}

/** Ended jobs of one account are searched for among this many of its newest jobs. */
export const ACCOUNT_SCAN = 1000;
/** Ended jobs of all accounts are searched for among this many jobs of each account, queued in the last day. */
const EACH_SCAN = 100;
export const ENDED_WITHIN_MS = 24 * 60 * 60_000;

/**
 * Reads the newest matching jobs. It searches the live jobs, the recently failed jobs, and for ended jobs the newest jobs
 * of each account. It reads a bounded number of each.
 */
export function readJobsOfAll(filter: AdminJobFilter): Statement {
  const { statuses, kind, ideaId, machineId, before, limit } = filter;
  const only = (condition: Statement, value: unknown) => (value === undefined ? [] : [condition]);
  const where = join(
    [
      sql`status IN (SELECT value FROM json_each(${JSON.stringify(statuses)}))`,
      ...only(sql`kind = ${kind}`, kind),
      ...only(sql`idea_id = ${ideaId}`, ideaId),
      ...only(sql`coalesce(machine_id, target_machine_id) = ${machineId}`, machineId),
      ...only(sql`id < ${before}`, before),
    ],
    ' AND ',
  );
  return sql`
    SELECT ${raw(jobColumns('j.'))}, ${raw(promptStart())} AS promptStart, u.email, m.name AS machineName
    FROM (SELECT DISTINCT user_id, id FROM (${join(placesOf(filter), ' UNION ALL ')}) WHERE ${where}
      ORDER BY id DESC LIMIT ${limit}) found
    CROSS JOIN jobs j ON j.user_id = found.user_id AND j.id = found.id JOIN users u ON u.id = j.user_id
    LEFT JOIN machines m ON m.id = coalesce(j.machine_id, j.target_machine_id) AND m.user_id = j.user_id
    ORDER BY j.id DESC`;
}

/** Live, lost and failed jobs have their own indexes. Completed and cancelled jobs are found by their ids, which begin with a time. */
function placesOf({ statuses, account, failedSince, queuedSince, before }: AdminJobFilter): Statement[] {
  const columns = raw('j.user_id, j.id, j.status, j.kind, j.idea_id, j.machine_id, j.target_machine_id');
  const own =
    account === undefined
      ? raw('true')
      : sql`u.id IN (SELECT id FROM users WHERE id = ${account} OR email = lower(${account}))`;
  const scan = (place: Statement, bound: number) => sql`
    SELECT * FROM (SELECT ${columns} FROM ${place} WHERE ${own} LIMIT ${bound})`;
  const troubled = (status: JobStatus, since: number) => sql`
    users u CROSS JOIN jobs j INDEXED BY jobs_in_trouble ON j.user_id = u.id
    AND ${raw(IN_TROUBLE.replace('status', 'j.status'))} AND ${raw(statusIn([status], 'j.'))} AND j.updated_at >= ${since}`;
  const isWanted = (status: JobStatus) => statuses.includes(status);
  const older = before === undefined ? raw('') : sql`AND id < ${before}`;
  const [oldest, most] =
    account === undefined ? [lowestIdAt('job', queuedSince), EACH_SCAN] : ['', ACCOUNT_SCAN];
  const newest = sql`users u CROSS JOIN jobs j ON j.user_id = u.id AND j.id IN (
    SELECT id FROM jobs WHERE user_id = u.id AND id >= ${oldest} ${older} ORDER BY id DESC LIMIT ${most})`;
  return [
    ...(statuses.some((status) => !isTerminal(status)) ? [scan(raw(LIVE_OF_ALL), LIVE_COUNTED)] : []),
    // Search for these jobs separately, so that a long queue does not hide them.
    ...(isWanted('lost') ? [scan(troubled('lost', 0), LIVE_COUNTED)] : []),
    ...(isWanted('failed') ? [scan(troubled('failed', failedSince), LIVE_COUNTED)] : []),
    ...(ENDED.some(isWanted) ? [scan(newest, account === undefined ? LIVE_COUNTED : ACCOUNT_SCAN)] : []),
  ];
}

/** The statuses without an index. */
export const ENDED = JOB_STATUSES.filter((status) => isTerminal(status) && status !== 'failed');
