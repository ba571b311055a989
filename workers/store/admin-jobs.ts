/** Lists the jobs of all accounts, for operators. Every statement reads a bounded number of rows. */

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
  limit: number;
}

/** Ended jobs are searched for among this many newest jobs of an account. */
export const ACCOUNT_SCAN = 1000;

/**
 * Reads the newest matching jobs. It searches the live jobs, the recently failed jobs, and, for one account, its newest
 * jobs. It reads a bounded number of each.
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

/** Live, lost and failed jobs have their own indexes. Completed and cancelled jobs are searched for only in one account. */
function placesOf({ statuses, account, failedSince }: AdminJobFilter): Statement[] {
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
  const newest = sql`users u CROSS JOIN jobs j ON j.user_id = u.id AND j.id IN (
    SELECT id FROM jobs WHERE user_id = u.id ORDER BY id DESC LIMIT ${ACCOUNT_SCAN})`;
  return [
    ...(statuses.some((status) => !isTerminal(status)) ? [scan(raw(LIVE_OF_ALL), LIVE_COUNTED)] : []),
    // A long queue must not hide these jobs.
    ...(isWanted('lost') ? [scan(troubled('lost', 0), LIVE_COUNTED)] : []),
    ...(isWanted('failed') ? [scan(troubled('failed', failedSince), LIVE_COUNTED)] : []),
    ...(account !== undefined && OF_ONE_ACCOUNT.some(isWanted) ? [scan(newest, ACCOUNT_SCAN)] : []),
  ];
}

/** The statuses that are listed only for one account. */
export const OF_ONE_ACCOUNT = JOB_STATUSES.filter((status) => isTerminal(status) && status !== 'failed');
