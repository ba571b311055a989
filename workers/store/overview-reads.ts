/** The reads of the pages over many jobs. Every statement has a bound that does not depend on the length of the history. */

import type { UserId } from '../../spec/ids.ts';
import type { JobStatus } from '../../spec/job/status.ts';
import { raw, type Statement, sql } from './database.ts';
import { statusIn } from './guard.ts';
import { type JobRow, jobColumns } from './job-row.ts';
import { promptStart } from './jobs.ts';

/** A job in a list on a page. */
export type OverviewJob = JobRow & { promptStart: string | null };

/** The maximum number of live jobs that a page reads. If the account has more, the page says so. */
export const LIVE_LIMIT = 200;

export function readLiveJobs(userId: UserId, limit: number): Statement {
  return {
    sql: `SELECT ${jobColumns()}, ${promptStart()} AS promptStart FROM jobs INDEXED BY jobs_live
          WHERE user_id = ? AND finished_at IS NULL LIMIT ?`,
    values: [userId, limit],
  };
}

/** The exact condition of the index `jobs_in_trouble`. With any other wording, the planner does not use the index. */
export const IN_TROUBLE = statusIn(['lost', 'failed']);

/** Reads the jobs that were lost or failed since a time, newest first, except failed jobs that a person has dismissed. */
export function readTroubled(
  userId: UserId,
  { status, since, limit }: { status: Extract<JobStatus, 'lost' | 'failed'>; since: number; limit: number },
): Statement {
  return sql`
    SELECT ${raw(jobColumns())}, ${raw(promptStart())} AS promptStart FROM jobs INDEXED BY jobs_in_trouble
    WHERE user_id = ${userId} AND ${raw(IN_TROUBLE)} AND status = ${status} AND updated_at >= ${since}
      AND NOT EXISTS (SELECT 1 FROM audit_log a WHERE a.user_id = jobs.user_id AND a.subject = jobs.id
        AND a.action = 'dismiss' AND a.at >= jobs.updated_at)
    ORDER BY updated_at DESC LIMIT ${limit}`;
}

/** Records that a person dismissed a failed job. Writes nothing if the job did not fail, or if it was already dismissed. */
export function dismissIfFailed(
  key: { userId: string; id: string },
  order: { now: number; actor: string; source: string; failed: JobStatus },
): Statement {
  return sql`
    INSERT OR IGNORE INTO audit_log (at, user_id, actor, source, action, subject, detail)
    SELECT ${order.now}, user_id, ${order.actor}, ${order.source}, 'dismiss', id, NULL FROM jobs
    WHERE user_id = ${key.userId} AND id = ${key.id} AND status = ${order.failed} AND updated_at <= ${order.now}
      AND NOT EXISTS (SELECT 1 FROM audit_log a WHERE a.user_id = jobs.user_id AND a.subject = jobs.id
        AND a.action = 'dismiss' AND a.at >= jobs.updated_at)`;
}
