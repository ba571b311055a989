/**
 * Which repositories this user has linked on this machine, so that one runner can work in all of them. `bind` adds, and
 * `unbind` takes away; what was deleted behind our back is taken out when somebody looks. The links themselves stay in
 * the repositories: this list only says where to look, and a wrong entry does no harm.
 */

import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { SCHEMA_VERSION } from '../../spec/local/vocabulary.ts';
import { PRIVATE_MODE, readJsonFile, writeJsonFile } from '../files/json-file.ts';
import { withLock } from '../files/lock.ts';
import { linkedRootsPath } from '../files/paths.ts';

/** The roots, in the order in which they were linked. A list that cannot be read is empty: the next `bind` begins anew. */
export function readLinkedRoots(env: NodeJS.ProcessEnv): string[] {
  const file = readJsonFile(linkedRootsPath(env));
  const roots = file.kind === 'read' ? file.value.project_roots : undefined;
  if (!Array.isArray(roots)) return [];
  return [...new Set(roots.filter((root): root is string => typeof root === 'string' && root !== ''))];
}

/** Adds a root. */
export function rememberRoot(env: NodeJS.ProcessEnv, root: string): Promise<void> {
  return changeRoots(env, (roots) => (roots.includes(root) ? roots : [...roots, root]));
}

/** Takes roots out. */
export function forgetRoots(env: NodeJS.ProcessEnv, gone: readonly string[]): Promise<void> {
  return changeRoots(env, (roots) => roots.filter((root) => !gone.includes(root)));
}

/**
 * The roots that exist, and what is to be said about the others. A folder that is gone is forgotten; one whose parent is
 * gone as well may be on a disk that is not mounted: it stays, and is left out for now.
 */
export async function findLinkedRoots(
  env: NodeJS.ProcessEnv,
): Promise<{ roots: string[]; warnings: string[] }> {
  const known = readLinkedRoots(env);
  const missing = known.filter((root) => !existsSync(root));
  if (missing.length === 0) return { roots: known, warnings: [] };
  const deleted = missing.filter((root) => existsSync(dirname(root)));
  if (deleted.length > 0) await forgetRoots(env, deleted);
  return {
    roots: known.filter((root) => !missing.includes(root)),
    warnings: missing.map((root) =>
      deleted.includes(root)
        ? `${root} does not exist any more; it was taken from the list of linked repositories.`
        : `${root} cannot be reached; it is left out until it is there again.`,
    ),
  };
}

function changeRoots(env: NodeJS.ProcessEnv, change: (roots: string[]) => string[]): Promise<void> {
  const path = linkedRootsPath(env);
  return withLock(dirname(path), () => {
    const before = readLinkedRoots(env);
    const after = change(before);
    if (after.length === before.length && after.every((root, at) => root === before[at])) return;
    writeJsonFile(path, { schema_version: SCHEMA_VERSION, project_roots: after }, { mode: PRIVATE_MODE });
  });
}
