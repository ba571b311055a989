/**
 * Ids in the form that people type: the beginning of an id is enough if it is unique. A complete id, as programs use, needs
 * no further request.
 */

import { listJobs } from '../../spec/contract/jobs.ts';
import { findIds, LOOKUP_LIMIT, type LookupKind } from '../../spec/contract/machines.ts';
import { CliError } from '../base/exit.ts';
import { call } from '../client/call.ts';
import type { Client } from '../client/client.ts';
import { ServerError } from '../client/server-error.ts';

/** The forms of complete ids. Any other text is looked up on the server. */
const COMPLETE: Record<LookupKind, RegExp> = {
  job: /^job_[0-9a-z]{22}$/,
  idea: /^ide_[0-9a-z]{22}$/,
  feature: /^fea_[0-9a-z]{22}$/,
  checkpoint: /^chk_[0-9a-z]{22}$/,
  machine: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i,
};

/**
 * Runs `work` with the id that a person gave in full or in part. It first tries the text as a complete id, so an exact match
 * always wins. If the server does not know that id, it looks up the ids that start with the text.
 */
export async function withId<T>(
  client: Client,
  { kind, given }: { kind: LookupKind; given: string },
  work: (id: string) => Promise<T>,
): Promise<T> {
  try {
    return await work(given);
  } catch (error) {
    if (!(error instanceof ServerError) || error.code !== 'not_found') throw error;
    const whole = await lookUp(client, kind, given);
    if (whole === undefined || whole === given) throw error;
    return work(whole);
  }
}

/** Does the same as {@link withId} for a job. `@last` means the newest job, and `@running` means the running job. */
export async function withJob<T>(
  client: Client,
  given: string,
  work: (jobId: string) => Promise<T>,
): Promise<T> {
  if (given === '@last') return work(await findOnly(client, given, { limit: 1 }));
  if (given === '@running') return work(await findOnly(client, given, { status: 'running', limit: 200 }));
  return withId(client, { kind: 'job', given }, work);
}

async function findOnly(
  client: Client,
  name: string,
  query: { status?: string; limit: number },
): Promise<string> {
  const { jobs } = await call(client, listJobs, { query });
  const [first, ...others] = jobs;
  if (first === undefined) {
    throw new CliError(name === '@last' ? 'You have no jobs.' : 'No job of yours is running.', {
      code: 'not_found',
      hint: '`orp job list` shows your jobs.',
    });
  }
  if (others.length === 0) return first.id;
  throw new CliError(`${jobs.length} jobs are running, so ${name} names none of them.`, {
    code: 'ambiguous_id',
    hint: `Name one: ${jobs.map(({ id }) => id).join(', ')}.`,
  });
}

/** Completes the id of an option. Returns the given text if no id starts with it. */
export async function wholeId<Given extends string | undefined>(
  client: Client,
  kind: LookupKind,
  given: Given,
): Promise<Given | string> {
  if (given === undefined || COMPLETE[kind].test(given)) return given;
  return (await lookUp(client, kind, given)) ?? given;
}

/**
 * Returns the only id that starts with the text. Returns undefined if there is none, or if the server cannot look up ids.
 * Throws if there are several.
 */
async function lookUp(client: Client, kind: LookupKind, given: string): Promise<string | undefined> {
  if (!client.server.offers('id-lookup') || !/^[A-Za-z0-9._:-]{1,128}$/.test(given)) return undefined;
  const answer = await call(client, findIds, { query: { kind, prefix: given } }).catch((error: unknown) => {
    if (error instanceof CliError) return undefined;
    throw error;
  });
  const ids = answer?.ids ?? [];
  const [first, ...others] = ids;
  if (others.length === 0 || first === given) return first;
  const shown = ids.slice(0, LOOKUP_LIMIT - 1);
  throw new CliError(`Several ${kind} ids start with ${given}.`, {
    code: 'ambiguous_id',
    hint: `Give more of the id: ${shown.join(', ')}${ids.length > shown.length ? ', …' : '.'}`,
  });
}
