/**
 * Link records name the folder that they were made for, and agents work there. When a repository has moved, or another one
 * has taken its place, that folder is not this repository: a job would fail there, or run in the wrong place.
 */

import { statSync } from 'node:fs';
import { type LinkableRepository, resolveRepo } from '../git/repository.ts';

/** Whether a recorded folder exists and is a part of this repository: its root, or a folder in the same work tree. */
export async function belongsTo(
  repository: LinkableRepository,
  recorded: string,
  env: NodeJS.ProcessEnv,
): Promise<boolean> {
  if (recorded === repository.root) return true;
  if (!isFolder(recorded)) return false;
  return (await resolveRepo(recorded, env)).gitDir === repository.gitDir;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch {
    // It cannot be looked into, so no agent can work there.
    return false;
  }
}
