/** `orp job cancel|retry|wait`: what the owner of a job may ask from anywhere, without a lease. */

import { cancelJob, retryJob, showJob } from '../../spec/contract/jobs.ts';
import { isTerminal } from '../../spec/job/status.ts';
import { call, requireOffer } from '../client/call.ts';
import { type Client, signedInClient } from '../client/client.ts';
import type { CommonOptions, Context } from '../context.ts';
import { CliError, EXIT_NEGATIVE } from '../exit.ts';
import { type Line, printResult } from '../output/print.ts';
import { pause } from '../runner/pause.ts';
import type { JobStory } from './job-list.ts';

export interface OrderOptions extends CommonOptions {
  reason?: string;
}

export interface WaitOptions extends CommonOptions {
  timeout: number;
}

/** Cancels a job: final at once. */
export async function cancel(context: Context, jobId: string, { reason }: OrderOptions): Promise<void> {
  const client = await signedInClient(context);
  // The route is one of v0.4.4, but not without a machine.
  await requireOffer(client, 'jobs');
  const answer = await call(client, cancelJob, {
    params: { jobId },
    body: { reason: reason?.trim() || null },
  });
  printResult(context, answer, [
    ['ok', true],
    ['job.id', answer.job.id],
    ['job.status', answer.job.status],
  ]);
}

/**
 * The attempt that a retry is to replace. A retry whose answer was lost is sent again with the same number, and then takes
 * nothing from the runner that has begun the next attempt meanwhile.
 */
export async function attemptOf(client: Client, jobId: string): Promise<number> {
  const { job } = await call(client, showJob, { params: { jobId } });
  return job.attempt;
}

/** Queues a job again. */
export async function retry(context: Context, jobId: string, { reason }: OrderOptions): Promise<void> {
  const client = await signedInClient(context);
  const expectedAttempt = await attemptOf(client, jobId);
  const answer = await call(client, retryJob, {
    params: { jobId },
    body: { reason: reason?.trim() || null, expectedAttempt },
  });
  if (answer.warning !== undefined) context.warn(answer.warning);
  const warning: Line[] = answer.warning === undefined ? [] : [['warning', answer.warning]];
  printResult(context, answer, [
    ['ok', true],
    ['job.id', answer.job.id],
    ['job.status', answer.job.status],
    ...warning,
  ]);
}

/** Soon at first, for jobs that take seconds; every 5 s later, for those that take an hour. */
const FIRST_LOOK_MS = 500;
const LAST_LOOK_MS = 5000;

/** Waits for the end of a job. */
export async function wait(context: Context, jobId: string, { timeout }: WaitOptions): Promise<number> {
  const client = await signedInClient(context);
  const deadline = performance.now() + Math.max(1, timeout) * 1000;
  let told = '';
  for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(LAST_LOOK_MS, lookMs * 1.5)) {
    const { job } = await call(client, showJob, { params: { jobId } });
    if (isTerminal(job.status)) return report(context, job);
    const left = deadline - performance.now();
    if (left <= 0) throw notEnded(job, timeout);
    const { message = job.status, note = '' } = job.waiting ?? {};
    const state = `${message} ${note}`.trim();
    if (state !== told && !context.json) context.stderr.write(`${state}\n`);
    told = state;
    await pause(Math.min(lookMs, left));
  }
}

function report(context: Context, job: JobStory): number {
  const isDone = job.status === 'completed';
  printResult(context, { ok: isDone, job }, [
    ['ok', isDone],
    ['job.id', job.id],
    ['job.status', job.status],
    ['job.summary', job.summary],
    ['job.error', job.error],
  ]);
  return isDone ? 0 : EXIT_NEGATIVE;
}

function notEnded(job: JobStory, timeout: number): CliError {
  return new CliError(`Job ${job.id} has not ended after ${timeout} s: it is ${job.status}.`, {
    code: 'wait_timeout',
    hint: `Run \`orp job show ${job.id}\` to see why, or wait longer with --timeout.`,
  });
}
