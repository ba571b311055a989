/**
 * Ids as people give them: the beginning of one is enough where it names a single thing. An exact id always wins, because it
 * is tried first; only when the server knows no such thing is it asked which ids begin so. Programs give whole ids.
 */

import { listJobs } from '../../spec/contract/jobs.ts';
import { CliError } from '../base/exit.ts';
import { call } from '../client/call.ts';
import type { Client } from '../client/client.ts';
import { ServerError } from '../client/server-error.ts';

/** How many candidates an ambiguous id lists. */
const SHOWN = 5;

/** Does something with a job that a person named by its id or the beginning of it. */
export async function withJob<T>(
  client: Client,
  given: string,
  work: (jobId: string) => Promise<T>,
): Promise<T> {
  try {
    return await work(given);
  } catch (error) {
    if (!(error instanceof ServerError) || error.code !== 'not_found') throw error;
    const whole = await findJobId(client, given);
    if (whole === undefined) throw error;
    return work(whole);
  }
}

/** The only job whose id begins so; undefined when none does, or the server cannot be asked. Several are an error. */
async function findJobId(client: Client, given: string): Promise<string | undefined> {
  if (!/^[A-Za-z0-9_-]{1,100}$/.test(given)) return undefined;
  const query = { idPrefix: given, limit: SHOWN + 1 };
  const page = await call(client, listJobs, { query }).catch((error: unknown) => {
    if (error instanceof CliError) return undefined;
    throw error;
  });
  return onlyOne('job', given, page?.jobs.map(({ id }) => id) ?? []);
}

/** The only id that begins as a person typed; undefined when none does. */
function onlyOne(kind: string, given: string, ids: readonly string[]): string | undefined {
  const found = ids.filter((id) => id.startsWith(given));
  if (found.length <= 1) return found[0];
  const rest = found.length > SHOWN ? ', …' : '.';
  throw new CliError(`Several ${kind}s begin with ${given}.`, {
    code: 'ambiguous_id',
    hint: `Give more of the id: ${found.slice(0, SHOWN).join(', ')}${rest}`,
  });
}
