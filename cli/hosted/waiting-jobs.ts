/** The jobs that wait for a session. */

import { listJobs } from '../../spec/contract/jobs.ts';
import { call } from '../client/call.ts';
import { signedInClient } from '../client/client.ts';
import { NO_RETRY } from '../client/retry.ts';
import type { Context } from '../output/context.ts';

const PAGE = 200;
const TIMEOUT_MS = 5_000;

/** The newest queued ones, with the session that each names. */
export async function findQueuedJobs(
  context: Context,
): Promise<{ id: string; orpSessionId: string | undefined }[]> {
  const client = await signedInClient(context);
  const query = { status: 'queued', limit: PAGE };
  const hasty = { ...client, timeoutMs: TIMEOUT_MS, retry: NO_RETRY };
  const { jobs } = await call(hasty, listJobs, { query });
  return jobs.map(({ id, target }) => ({ id, orpSessionId: target.orpSessionId }));
}
