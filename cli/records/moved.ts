/**
 * A link record names the folder in which agents work. If the repository has moved, or if another repository has replaced it, a job would
 * fail or run in the wrong folder.
 */

import { statSync } from 'node:fs';
import { type LinkableRepository, resolveRepo } from '../git/repository.ts';

/** Returns whether a recorded folder exists and belongs to this repository: its root, or a folder in the same work tree. */
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
    // The folder is not accessible, so no agent can work there.
    return false;
  }
}
