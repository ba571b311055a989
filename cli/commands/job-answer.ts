/** `orp job submit --wait`: prints the answer of the job as it arrives. */

import { showJob } from '../../spec/contract/jobs.ts';
import { CliError, EXIT_NEGATIVE, EXIT_TIME_LIMIT } from '../base/exit.ts';
import { oneLine } from '../base/one-line.ts';
import { timerMs } from '../base/pause.ts';
import { call } from '../client/call.ts';
import type { Client } from '../client/client.ts';
import { followJob } from '../hosted/follow-job.ts';
import { WaitingWatch } from '../hosted/waiting-watch.ts';
import type { Context } from '../output/context.ts';
import { jobEndLine } from '../output/job-words.ts';
import { plainText } from '../output/plain-text.ts';
import { waitFor } from './job-order.ts';
import { endOf } from './job-pages.ts';

interface Waited {
  client: Client;
  jobId: string;
  /** The time limit in seconds. */
  timeout: number;
}

/** Returns the exit code of the job: 0 if it completed, 1 otherwise. At the time limit the command exits with 124. */
export async function answerOf(context: Context, waited: Waited): Promise<number> {
  if (context.json || !waited.client.server.offers('follow')) {
    return limited(waited, () => waitFor(context, waited, { timeout: waited.timeout }));
  }
  const signal = AbortSignal.timeout(timerMs(waited.timeout * 1000));
  return limited({ ...waited, signal }, () => stream(context, waited, signal));
}

/** The answer goes to stdout, and everything about the job to stderr. */
async function stream(context: Context, { client, jobId }: Waited, signal: AbortSignal): Promise<number> {
  const say = (sentence: string) => context.stderr.write(`${oneLine(sentence)}\n`);
  const waiting = new WaitingWatch(client, jobId, say);
  let hasAnswer = false;
  try {
    for await (const event of followJob(client, jobId, { signal, onOutage: (message) => say(message) })) {
      if (event.kind !== 'entry') waiting.update(event.status);
      else if (event.entry.type === 'message' && event.entry.stream === 'agent') {
        hasAnswer = true;
        print(context, event.entry.text);
      }
    }
  } finally {
    waiting.stop();
  }
  const { job } = await call(client, showJob, { params: { jobId } });
  const isDone = job.status === 'completed';
  if (isDone && !hasAnswer) print(context, job.content ?? job.summary ?? '');
  context.stderr.print(jobEndLine(endOf(job), context.stderr.columns));
  return isDone ? 0 : EXIT_NEGATIVE;
}

function print(context: Context, answer: string): void {
  const text = plainText(answer);
  if (text !== '') context.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

async function limited(
  { jobId, timeout, signal }: Waited & { signal?: AbortSignal },
  work: () => Promise<number>,
): Promise<number> {
  try {
    return await work();
  } catch (error) {
    const isOver = signal?.aborted || (error instanceof CliError && error.code === 'wait_timeout');
    if (!isOver) throw error;
    throw new CliError(`Job ${jobId} has not ended after ${timeout} s.`, {
      code: 'wait_timeout',
      hint: `It goes on: \`orp job wait ${jobId}\`, or \`orp job cancel ${jobId}\`.`,
      exitCode: EXIT_TIME_LIMIT,
    });
  }
}
