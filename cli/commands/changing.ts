/** Reports changes of links and sessions to the server, if the machine is enabled. A failure is not shown. */

import { readJsonObject } from '../files/json-file.ts';
import { machinePath } from '../files/paths.ts';
import { isLinkable } from '../git/repository.ts';
import type { Context } from '../output/context.ts';
import { readProjectLink } from '../records/project-link.ts';

type Change = (context: Context) => Promise<number | undefined> | Promise<void>;

/**
 * Runs the command and prints its result, then sends the change to the server. If the change cannot be sent, it is recorded,
 * and the runner sends it later. The result of the command does not depend on this.
 */
export async function changing(context: Context, work: Change): Promise<number | undefined> {
  const run = async () => (await work(context)) ?? undefined;
  const machine = readJsonObject(machinePath(context.env));
  // A machine that has never synced has no records on the server to update.
  if (machine?.runner_enabled !== true && machine?.last_sync_at_utc === undefined) return run();
  const repository = await context.repository();
  if (!isLinkable(repository)) return run();
  const now = context.now();
  // The server knows an unlinked or moved repository under its old folder.
  const folder = readProjectLink(repository, now)?.project_root ?? repository.root;
  const { syncAfter } = await import('../hosted/pending-roots.ts');
  return syncAfter({ env: context.env, now }, [...new Set([repository.root, folder])], run);
}
