/** Finds the repositories that are no longer linked. */

import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { resolveRepo } from '../git/repository.ts';
import type { Candidate } from '../records/sync-payload.ts';

/**
 * Returns the roots that no longer have a link. A folder on an unmounted disk is not among them, because it may still
 * have a link.
 */
export async function findGone(candidates: readonly Candidate[], env: NodeJS.ProcessEnv): Promise<string[]> {
  const gone: string[] = [];
  for (const candidate of candidates) {
    if (candidate.kind !== 'skipped') continue;
    const { root, reason } = candidate;
    const isGone =
      reason === 'not_linked' ||
      (reason === 'missing' && existsSync(dirname(root))) ||
      (reason === 'not_git_repo' && (await isNoRepository(root, env)));
    if (isGone) gone.push(root);
  }
  return gone;
}

/**
 * Returns whether the folder is certainly not a repository. Returns false if git is missing or refuses, because the answer is then
 * unknown.
 */
async function isNoRepository(root: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  const { gitDir, isGitMissing, gitSays } = await resolveRepo(root, env);
  return gitDir === undefined && !isGitMissing && gitSays === undefined;
}

/** Returns whether the candidates include every repository of the machine: each candidate is either linked, or certainly no longer linked. */
export async function isEverythingKnown(
  candidates: readonly Candidate[],
  env: NodeJS.ProcessEnv,
): Promise<boolean> {
  const gone = await findGone(candidates, env);
  return candidates.every(({ kind, root }) => kind === 'linked' || gone.includes(root));
}
