/** Reads jobs and ideas with a short timeout, for commands that show them next to other facts. */

import type { ReplyOf } from '../../spec/contract/endpoint.ts';
import { listIdeas } from '../../spec/contract/ideas.ts';
import { listJobs } from '../../spec/contract/jobs.ts';
import { call, send } from '../client/call.ts';
import { type Client, signedInClient } from '../client/client.ts';
import { NO_RETRY } from '../client/retry.ts';
import { isObject } from '../files/json-file.ts';
import type { Context } from '../output/context.ts';

type Job = ReplyOf<typeof listJobs>['jobs'][number];

const MOST = 200;
const IDEAS = 50;
const TIMEOUT_MS = 5_000;

/** Returns the newest live jobs: queued, dispatched, running or lost. */
export function findLiveJobs(context: Context, limit: number): Promise<Job[]> {
  return ask(context, 'live', limit);
}

/** Returns the newest queued jobs, with the session that each job names. */
export async function findQueuedJobs(
  context: Context,
): Promise<{ id: string; orpSessionId: string | undefined }[]> {
  const jobs = await ask(context, 'queued', MOST);
  return jobs.map(({ id, target }) => ({ id, orpSessionId: target.orpSessionId }));
}

/** Returns the ids and the titles of the newest ideas. */
export async function findIdeas(context: Context): Promise<{ word: string; about: string }[]> {
  const client = await hastyClient(context);
  const { ideas } = await send(client, listIdeas, { query: { limit: IDEAS } });
  return (Array.isArray(ideas) ? ideas : []).flatMap((idea: unknown) =>
    isObject(idea) && typeof idea.id === 'string' ? [{ word: idea.id, about: String(idea.title ?? '') }] : [],
  );
}

async function ask(context: Context, status: string, limit: number): Promise<Job[]> {
  return (await call(await hastyClient(context), listJobs, { query: { status, limit } })).jobs;
}

async function hastyClient(context: Context): Promise<Client> {
  return { ...(await signedInClient(context)), timeoutMs: TIMEOUT_MS, retry: NO_RETRY };
}
