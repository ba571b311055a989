/** Lists the jobs of all accounts, for operators. The filter is the same as in bulk orders. */

import { accept, type Result, refuse } from '../../spec/errors.ts';
import { isTerminal, JOB_STATUSES, type JobStatus } from '../../spec/job/status.ts';
import type { BulkFilter } from '../../spec/overview/bulk.ts';
import type { Deps } from '../base/deps.ts';
import { type JobView, readSurroundings, toSurroundings, viewJob, waitingOf } from '../jobs/job-view.ts';
import { titleOf } from '../jobs/read.ts';
import { type AdminJobRow, ENDED, ENDED_WITHIN_MS, readJobsOfAll } from '../store/admin-jobs.ts';
import { FAILED_FOR_MS } from '../store/bulk.ts';
import { targetOf } from '../store/job-row.ts';

export type AdminJob = JobView & {
  account: { id: string; email: string };
  /** The name of the machine that holds the job, or else of the machine that the job names. */
  machineName: string | undefined;
};

export interface AdminJobPage {
  jobs: AdminJob[];
  nextCursor: string | undefined;
  /** True if completed and cancelled jobs that were queued more than a day ago are not in the list. */
  isOfOneDay: boolean;
}

/** The statuses that a list without a status shows. These are the jobs that an operator can still change. */
const DEFAULT_STATUSES = JOB_STATUSES.filter((status) => !isTerminal(status));

/** Lists the jobs, newest first. Makes one round trip to D1, and a second one only if live jobs are shown. */
export async function listJobsOfAll(
  deps: Deps,
  { cursor, limit, ...filter }: BulkFilter & { cursor?: string | undefined; limit: number },
): Promise<Result<AdminJobPage, 'invalid_input'>> {
  const statuses = statusesOf(filter);
  if (!statuses.ok) return statuses;
  const rows = await deps.db.all<AdminJobRow>(
    readJobsOfAll({
      ...filter,
      statuses: statuses.value,
      before: cursor,
      failedSince: deps.now - FAILED_FOR_MS,
      queuedSince: deps.now - ENDED_WITHIN_MS,
      limit: limit + 1,
    }),
  );
  const page = rows.slice(0, limit);
  return accept({
    jobs: await viewJobs(deps, page),
    nextCursor: rows.length > limit ? page.at(-1)?.id : undefined,
    isOfOneDay: filter.account === undefined && ENDED.some((status) => statuses.value.includes(status)),
  });
}

function statusesOf({ status }: BulkFilter): Result<readonly JobStatus[], 'invalid_input'> {
  const words = (status ?? '').split(',').map((word) => word.trim());
  const named = words.filter((word) => word !== '');
  if (named.length === 0) return accept(DEFAULT_STATUSES);
  const statuses = named.flatMap((word): readonly string[] => (word === 'live' ? DEFAULT_STATUSES : [word]));
  const unknown = statuses.find((word) => !(JOB_STATUSES as readonly string[]).includes(word));
  if (unknown !== undefined) {
    const hint = `Use live, or any of ${JOB_STATUSES.join(', ')}.`;
    return refuse('invalid_input', `status: there is no status ${unknown}.`, hint);
  }
  return accept([...new Set(statuses)] as JobStatus[]);
}

/** Returns why jobs wait, which depends on the linked repositories of their accounts. */
async function viewJobs(deps: Deps, rows: readonly AdminJobRow[]): Promise<AdminJob[]> {
  const live = rows.filter(({ status }) => !isTerminal(status));
  const accounts = [...Map.groupBy(live, ({ userId }) => userId)];
  const statements = accounts.map(([userId, jobs]) => readSurroundings(userId, jobs.map(targetOf)));
  const found = accounts.length === 0 ? [] : await deps.db.batch(statements.flat());
  let at = 0;
  const around = new Map(
    accounts.map(([userId], index) => {
      const count = statements[index]?.length ?? 0;
      const facts = toSurroundings(found.slice(at, at + count));
      at += count;
      return [userId, facts] as const;
    }),
  );
  return rows.map((row) => {
    const facts = around.get(row.userId);
    const waiting = facts && !isTerminal(row.status) ? waitingOf(row, facts, deps.now) : undefined;
    return {
      ...viewJob(row, waiting),
      promptStart: titleOf(row),
      account: { id: row.userId, email: row.email },
      machineName: row.machineName ?? undefined,
    };
  });
}
