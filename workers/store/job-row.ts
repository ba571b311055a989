/** The row of a job: its options, what it asks for, and its latest attempt. */

import type { JobTarget } from '../../spec/job/routing.ts';
import { jobs } from './schema.ts';
import { selectList } from './select-list.ts';

/** Long texts, and what only an enqueue compares. Lists never read them. */
const LEFT_OUT = ['prompt', 'content', 'idempotencyKey', 'requestHash'] as const;

/** Every column of a job but those. */
export type JobRow = Omit<typeof jobs.$inferSelect, (typeof LEFT_OUT)[number]>;

/** The select list of a `JobRow`; `prefix` names the table where two are joined. */
export function jobColumns(prefix = ''): string {
  return selectList(jobs, { without: LEFT_OUT, prefix });
}

/** The part of a row that says what the job asks for. */
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

/** What the job asks for, as the routing rules read it. */
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
