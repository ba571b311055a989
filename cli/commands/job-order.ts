/** `orp job cancel|retry|wait`: commands for the owner of a job. They work from any machine and need no lease. */

import { cancelJob, retryJob, showJob } from '../../spec/contract/jobs.ts';
import { isTerminal } from '../../spec/job/status.ts';
import { CliError, EXIT_NEGATIVE } from '../base/exit.ts';
import { oneLine } from '../base/one-line.ts';
import { pause, timerMs } from '../base/pause.ts';
import { call, requireOffer } from '../client/call.ts';
import { type Client, signedInClient } from '../client/client.ts';
import { isOutage } from '../client/retry.ts';
import { ServerError } from '../client/server-error.ts';
import { waitingSentence } from '../hosted/waiting-watch.ts';
import { withJob } from '../hosted/whole-id.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { jobEndLine } from '../output/job-words.ts';
import { said } from '../output/page.ts';
import { type Line, printResult } from '../output/print.ts';
import { endOf } from './job-pages.ts';
import type { JobStory } from './job-types.ts';

export interface OrderOptions extends CommonOptions {
  reason?: string;
}

export interface WaitOptions extends CommonOptions {
  timeout: number;
}

/** Cancels a job. The cancellation is immediate and final. */
export async function cancel(context: Context, jobId: string, { reason }: OrderOptions): Promise<void> {
  const client = await signedInClient(context);
  // v0.4.4 has this route, but requires a machine.
  await requireOffer(client, 'jobs');
  const answer = await withJob(client, jobId, (id) =>
    call(client, cancelJob, { params: { jobId: id }, body: { reason: reason?.trim() || null } }),
  );
  printResult(context, answer, {
    lines: [
      ['ok', true],
      ['job.id', answer.job.id],
      ['job.status', answer.job.status],
    ],
    page: () => said('done', `Cancelled job ${answer.job.id}.`),
  });
}

/**
 * Returns the attempt that a retry replaces. If the answer is lost, the client repeats the request with the same number. So
 * the repetition does not take the job from a runner that has already started the next attempt.
 */
export async function attemptOf(client: Client, jobId: string): Promise<number> {
  const { job } = await call(client, showJob, { params: { jobId } });
  return job.attempt;
}

/** Queues a job again. */
export async function retry(context: Context, jobId: string, { reason }: OrderOptions): Promise<void> {
  const client = await signedInClient(context);
  const answer = await withJob(client, jobId, async (id) => {
    const expectedAttempt = await attemptOf(client, id);
    const body = { reason: reason?.trim() || null, expectedAttempt };
    return call(client, retryJob, { params: { jobId: id }, body });
  });
  if (answer.warning !== undefined) context.warn(answer.warning);
  const warning: Line[] = answer.warning === undefined ? [] : [['warning', answer.warning]];
  printResult(context, answer, {
    lines: [['ok', true], ['job.id', answer.job.id], ['job.status', answer.job.status], ...warning],
    page: () => said('done', `Queued job ${answer.job.id} again.`),
  });
}

/** The first pause between two reads. The pauses grow to 5 s, because some jobs take seconds and some take an hour. */
const FIRST_LOOK_MS = 500;
const LAST_LOOK_MS = 5000;

/** Waits until a job ends. Outages do not end the wait. The time limit or a refusal by the server ends it. */
export async function wait(context: Context, jobId: string, options: WaitOptions): Promise<number> {
  const client = await signedInClient(context);
  return withJob(client, jobId, (id) => waitFor(context, { client, jobId: id }, options));
}

export async function waitFor(
  context: Context,
  { client, jobId }: { client: Client; jobId: string },
  { timeout }: Pick<WaitOptions, 'timeout'>,
): Promise<number> {
  const deadline = performance.now() + Math.max(1, timeout) * 1000;
  const tell = tellChanges(context);
  let last: JobStory | undefined;
  for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(LAST_LOOK_MS, lookMs * 1.5)) {
    const job = await look(client, jobId, { deadline, tell });
    if (job !== undefined && isTerminal(job.status)) return report(context, job);
    last = job ?? last;
    const left = deadline - performance.now();
    if (left <= 0) throw notEnded(jobId, timeout, last);
    if (job !== undefined) tell(waitingSentence(job) ?? job.status);
    await pause(Math.min(lookMs, left));
  }
}

/** The timeout of the last request. This request may exceed the time limit. */
const LAST_CHANCE_MS = 2000;

interface Looking {
  deadline: number;
  tell: (state: string) => void;
}

/** Reads the job. Returns undefined if the server is unreachable. */
async function look(
  client: Client,
  jobId: string,
  { deadline, tell }: Looking,
): Promise<JobStory | undefined> {
  const left = Math.max(LAST_CHANCE_MS, deadline - performance.now());
  const signal = AbortSignal.timeout(Math.ceil(timerMs(left)));
  try {
    return (await call(client, showJob, { params: { jobId }, signal })).job;
  } catch (error) {
    if (signal.aborted) return undefined;
    if (!(error instanceof ServerError) || !isOutage(error)) throw error;
    tell(`${error.message} Retrying.`);
    return undefined;
  }
}

/** Prints each state once, and only for people. */
function tellChanges({ json, stderr }: Pick<Context, 'json' | 'stderr'>): (state: string) => void {
  let told = '';
  return (state) => {
    if (state !== told && !json) stderr.write(`${oneLine(state)}\n`);
    told = state;
  };
}

function report(context: Context, job: JobStory): number {
  const isDone = job.status === 'completed';
  printResult(
    context,
    { ok: isDone, job },
    {
      lines: [
        ['ok', isDone],
        ['job.id', job.id],
        ['job.status', job.status],
        ['job.summary', job.summary],
        ['job.error', job.error],
      ],
      page: (columns) => jobEndLine(endOf(job), columns),
    },
  );
  return isDone ? 0 : EXIT_NEGATIVE;
}

function notEnded(jobId: string, timeout: number, last: JobStory | undefined): CliError {
  const standing = last === undefined ? 'the server is unreachable' : `it is ${last.status}`;
  return new CliError(`Job ${jobId} has not ended after ${timeout} s: ${standing}.`, {
    code: 'wait_timeout',
    hint: `Run \`orp job show ${jobId}\` to see why, or raise --timeout.`,
  });
}
