/** The output of the compatibility path for each outcome: JSON documents, and lines for people. */

import { basename } from 'node:path';
import { type JobEnd, jobEndLine } from '../../output/job-words.ts';
import { said } from '../../output/page.ts';
import type { Line } from '../../output/print.ts';
import type { JsonBody } from '../job/hosted-api.ts';
import type { WorkerBlock } from '../job/job-report.ts';
import type { CycleOutcome } from '../loop/documents.ts';
import type { ResultRecord } from '../spool/records.ts';
import type { AgentJob } from './held-job.ts';
import { structuredOf } from './hosted.ts';

export const IDLE_REVIEWS: CycleOutcome = {
  ok: true,
  document: { ok: true, claimed: false, job: null },
  lines: [
    ['job.claimed', false],
    ['job.status', 'idle'],
  ],
  page: () => said('idle', 'No review is waiting that can run here.'),
};

function headLines({ claim, checkpointId }: AgentJob): Line[] {
  return [
    ['job.claimed', true],
    ['job.kind', claim.job.kind],
    ['checkpoint.id', checkpointId],
  ];
}

export function dryRunReview(found: AgentJob): CycleOutcome {
  return {
    ok: true,
    document: { ok: true, claimed: true, dry_run: true, job: found.claim.raw },
    lines: [...headLines(found), ['job.mode', 'dry-run']],
    page: () => said('note', `Review ${found.claim.job.id} would run in ${found.cwd}. Nothing was taken.`),
  };
}

export function reviewOutcome(
  found: AgentJob & { beganAt: number },
  end: { result: ResultRecord; worker: WorkerBlock | undefined; response: JsonBody | undefined },
): CycleOutcome {
  const { result, worker, response } = end;
  const ok = result.outcome === 'completed' && response !== undefined;
  const answered: Line[] =
    response === undefined
      ? [['job.ok', ok]]
      : [
          ['response.id', typeof response.id === 'string' ? response.id : ''],
          ['response.ok', ok],
        ];
  return {
    ok,
    document: {
      ok,
      claimed: true,
      job: found.claim.raw,
      response: response ?? null,
      ...(worker === undefined ? {} : { worker: { ...worker, structured: structuredOf(worker.body) } }),
      ...(ok ? {} : { error: result.error ?? 'The answer waits for the server.' }),
    },
    lines: [...headLines(found), ...answered, ...(result.error ? ([['error', result.error]] as Line[]) : [])],
    page: (columns) => jobEndLine(endOf(found, end), columns),
  };
}

function endOf(
  { claim, cwd, beganAt }: AgentJob & { beganAt: number },
  end: { result: ResultRecord; response: JsonBody | undefined },
): JobEnd {
  const { result, response } = end;
  const isDone = result.outcome === 'completed' && response !== undefined;
  return {
    id: claim.job.id,
    at: Date.now(),
    session: basename(cwd),
    outcome: isDone ? 'completed' : result.outcome === 'cancelled' ? 'cancelled' : 'failed',
    tookMs: performance.now() - beganAt,
    text: isDone ? (result.summary ?? '') : (result.error ?? 'The answer waits for the server.'),
  };
}
