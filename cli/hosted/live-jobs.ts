/** Jobs that have not ended, for commands that show them beside other facts. */

import type { ReplyOf } from '../../spec/contract/endpoint.ts';
import { listJobs } from '../../spec/contract/jobs.ts';
import { call } from '../client/call.ts';
import { signedInClient } from '../client/client.ts';
import { NO_RETRY } from '../client/retry.ts';
import type { Context } from '../output/context.ts';

type Job = ReplyOf<typeof listJobs>['jobs'][number];

const MOST = 200;
const TIMEOUT_MS = 5_000;

/** The newest ones that wait, run, or have lost their machine. */
export function findLiveJobs(context: Context, limit: number): Promise<Job[]> {
  return ask(context, 'live', limit);
}

/** The newest queued ones, with the session that each names. */
export async function findQueuedJobs(
  context: Context,
): Promise<{ id: string; orpSessionId: string | undefined }[]> {
  const jobs = await ask(context, 'queued', MOST);
  return jobs.map(({ id, target }) => ({ id, orpSessionId: target.orpSessionId }));
}

async function ask(context: Context, status: string, limit: number): Promise<Job[]> {
  const client = await signedInClient(context);
  const hasty = { ...client, timeoutMs: TIMEOUT_MS, retry: NO_RETRY };
  return (await call(hasty, listJobs, { query: { status, limit } })).jobs;
}
