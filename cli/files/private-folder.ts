/** Folders for settings, state and secrets: nobody but their owner may look into them, from the first moment on. */

import { chmodSync, existsSync, mkdirSync, type Stats, statSync } from 'node:fs';
import { dirname, isAbsolute, relative, sep } from 'node:path';
import { hasCode } from '../base/system-error.ts';

const PRIVATE_FOLDER_MODE = 0o700;

/** Makes a folder and those on the way to it, each 0700 whatever the umask. What is there already stays as it is. */
export function makeFolder(path: string): void {
  if (existsSync(path)) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: PRIVATE_FOLDER_MODE });
  } catch (error) {
    // Another process has just made it.
    if (hasCode(error, 'EEXIST') && statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
    throw error;
  }
  // A umask only takes rights away; it may have taken those of the owner.
  if ((statSync(path).mode & 0o777) !== PRIVATE_FOLDER_MODE) chmodSync(path, PRIVATE_FOLDER_MODE);
}

/** Whether others may look into a folder, or even write there; undefined when they may not, or when there is none. */
export function openness(path: string): 'read' | 'write' | undefined {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
  if ((mode & 0o022) !== 0) return 'write';
  return (mode & 0o055) === 0 ? undefined : 'read';
}

/**
 * What lets another user write there, if anything; root may write anywhere. On a Mac all users share one group; elsewhere
 * most have one of their own, and their editors let it write.
 */
export function reachOfOthers(
  place: Pick<Stats, 'uid' | 'mode'>,
  me: { uid: number | undefined; platform: NodeJS.Platform },
): 'owner' | 'mode' | undefined {
  // Without user ids, as on Windows, nobody is told from anybody.
  if (me.uid !== undefined && place.uid !== me.uid && place.uid !== 0) return 'owner';
  return (place.mode & (me.platform === 'darwin' ? 0o022 : 0o002)) !== 0 ? 'mode' : undefined;
}

/** Whether a path lies below a folder; both as the system resolves them. */
export function isInside(folder: string, path: string): boolean {
  const inside = relative(folder, path);
  return inside !== '' && inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
}
