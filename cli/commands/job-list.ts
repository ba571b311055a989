/** `orp job list` and `orp job show`. */

import { listJobs, showJob } from '../../spec/contract/jobs.ts';
import { call } from '../client/call.ts';
import { signedInClient } from '../client/client.ts';
import { wholeId, withJob } from '../hosted/whole-id.ts';
import type { Context } from '../output/context.ts';
import { formatRows, type Line, printResult } from '../output/print.ts';
import { listPage } from './job-pages.ts';
import { storyPage } from './job-story.ts';
import type { JobStory, JobView, ListOptions, Page } from './job-types.ts';

/** Prints one page of jobs. */
export async function list(context: Context, options: ListOptions): Promise<void> {
  const client = await signedInClient(context);
  const { status, kind, limit, cursor } = options;
  const ideaId = await wholeId(client, 'idea', options.ideaId);
  const machineId = await wholeId(client, 'machine', options.machineId);
  const answer = await call(client, listJobs, { query: { status, kind, ideaId, machineId, limit, cursor } });
  const { jobs, nextCursor, hasMore } = answer;
  const document = { ok: true, jobs, next_cursor: nextCursor ?? '', has_more: hasMore };
  printResult(context, document, {
    lines: () => rowsOf(answer),
    page: (columns) => listPage(answer, { options, columns, now: context.now() }),
  });
}

function rowsOf({ jobs, nextCursor, hasMore }: Page): string {
  const head: Line[] = [
    ['jobs.count', jobs.length],
    ['next_cursor', nextCursor],
    ['has_more', hasMore],
  ];
  return formatRows(head, jobs.map(jobLines));
}

/** Lines for scripts. */
export function jobLines(job: JobView): Line[] {
  return [
    ['job.id', job.id],
    ['job.kind', job.kind],
    ['job.status', job.status],
    ['job.attempt', job.attempt],
    ['job.on_usage_limit', job.onUsageLimit],
    ['job.idea_id', job.ideaId],
    ['job.machine_id', job.machineId],
    ['job.session_id', job.orpSessionId],
    ['job.created_at', job.createdAt],
    ['job.updated_at', job.updatedAt],
    ['job.waiting', job.waiting?.message],
    ['job.note', job.waiting?.note],
    ['job.summary', job.summary],
    ['job.error', job.error],
  ];
}

/** Prints one job with its history. */
export async function show(context: Context, jobId: string): Promise<void> {
  const client = await signedInClient(context);
  const answer = await withJob(client, jobId, (id) => call(client, showJob, { params: { jobId: id } }));
  const { job } = answer;
  printResult(context, answer, {
    lines: () =>
      formatRows(
        [...jobLines(job), ...cancelLines(job), ['job.prompt', job.prompt], ['job.content', job.content]],
        attemptRows(job),
      ),
    page: (columns) => storyPage(job, columns),
  });
}

/** Returns the lines about who cancelled the job and which processes the runner stopped. */
function cancelLines({ cancel }: JobStory): Line[] {
  if (cancel === undefined) return [];
  const { receipt } = cancel;
  const receiptLines: Line[] =
    receipt === undefined
      ? []
      : [
          ['cancel.receipt.processes', receipt.processes],
          ['cancel.receipt.signal', receipt.signal],
          ['cancel.receipt.took_ms', receipt.tookMs],
          ['cancel.receipt.at', receipt.at],
        ];
  return [
    ['cancel.at', cancel.at],
    ['cancel.by', cancel.by],
    ['cancel.reason', cancel.reason],
    ['cancel.confirmed_at', cancel.confirmedAt],
    ...receiptLines,
  ];
}

function attemptRows(job: JobStory): Line[][] {
  return job.attempts.map((attempt) => [
    ['attempt', attempt.attempt],
    ['attempt.outcome', attempt.outcome],
    ['attempt.machine_id', attempt.machineId],
    ['attempt.lease_id', attempt.leaseId],
    ['attempt.session_id', attempt.orpSessionId],
    ['attempt.session_source', attempt.sessionSource],
    ['attempt.fallback_reason', attempt.fallbackReason],
    ['attempt.claimed_at', attempt.claimedAt],
    ['attempt.started_at', attempt.startedAt],
    ['attempt.finished_at', attempt.finishedAt],
    ['attempt.failure_kind', attempt.failureKind],
    ['attempt.summary', attempt.summary],
    ['attempt.error', attempt.error],
  ]);
}
