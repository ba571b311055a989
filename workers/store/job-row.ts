/** The row of a job: its options, its target, and its latest attempt. */

import type { JobTarget } from '../../spec/job/routing.ts';
import { jobs } from './schema.ts';
import { type RowOf, selectList } from './table.ts';

/** Long texts, and columns that only enqueue or the queue needs. Lists never read them. */
const LEFT_OUT = ['prompt', 'content', 'idempotencyKey', 'requestHash', 'delayed'] as const;

/** All columns of a job except those. */
export type JobRow = Omit<RowOf<typeof jobs>, (typeof LEFT_OUT)[number]>;

/** The select list of a `JobRow`. `prefix` names the table in a join. */
export function jobColumns(prefix = ''): string {
  return selectList(jobs, { without: LEFT_OUT, prefix });
}

/** The columns of the job's target. */
export type TargetFields = Pick<
  JobRow,
  | 'ideaId'
  | 'worldId'
  | 'sessionFallback'
  | 'targetMachineId'
  | 'targetProjectRoot'
  | 'targetOrpSessionId'
  | 'targetCodexSessionId'
>;

/** The job's target, for the routing rules. */
export function targetOf(job: TargetFields): JobTarget {
  return {
    machineId: job.targetMachineId ?? undefined,
    ideaId: job.ideaId ?? undefined,
    worldId: job.worldId ?? undefined,
    projectRoot: job.targetProjectRoot ?? undefined,
    orpSessionId: job.targetOrpSessionId ?? undefined,
    codexSessionId: job.targetCodexSessionId ?? undefined,
    sessionFallback: job.sessionFallback,
  };
}

/** The live jobs of every account, for use in a statement. */
export const LIVE_OF_ALL =
  'users u CROSS JOIN jobs j INDEXED BY jobs_live ON j.user_id = u.id AND j.finished_at IS NULL';
