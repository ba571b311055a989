/**
 * The repositories that this user has linked on this machine, so that one runner can work in all of them. `bind` adds entries,
 * `unbind` removes them, and reading the list drops deleted repositories. The links themselves are in the repositories, so a
 * wrong entry does no harm.
 */

import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { SCHEMA_VERSION } from '../../spec/local/vocabulary.ts';
import { PRIVATE_MODE, readJsonFile, writeJsonFile } from '../files/json-file.ts';
import { withLock } from '../files/lock.ts';
import { linkedRootsPath } from '../files/paths.ts';

/** The roots in the order of linking. An unreadable list is empty; the next `bind` starts a new one. */
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

/** Removes roots. */
export function forgetRoots(env: NodeJS.ProcessEnv, gone: readonly string[]): Promise<void> {
  return changeRoots(env, (roots) => roots.filter((root) => !gone.includes(root)));
}

/**
 * Returns the roots that exist, and a warning for each other root. `isWhole` is true if no root was skipped that may come
 * back. A missing folder is removed from the list. If its parent folder is also missing, the disk may be unmounted: then the
 * root stays in the list and is skipped.
 */
export async function findLinkedRoots(
  env: NodeJS.ProcessEnv,
): Promise<{ roots: string[]; warnings: string[]; isWhole: boolean }> {
  const known = readLinkedRoots(env);
  const missing = known.filter((root) => !existsSync(root));
  if (missing.length === 0) return { roots: known, warnings: [], isWhole: true };
  const deleted = missing.filter((root) => existsSync(dirname(root)));
  if (deleted.length > 0) await forgetRoots(env, deleted);
  return {
    roots: known.filter((root) => !missing.includes(root)),
    isWhole: deleted.length === missing.length,
    warnings: missing.map((root) =>
      deleted.includes(root)
        ? `${root} no longer exists. It was removed from the list of linked repositories.`
        : `${root} is not available. It is skipped until it is.`,
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
