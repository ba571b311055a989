/** Folders for settings, state and secrets. Only their owner has access, from the moment of creation. */

import { chmodSync, existsSync, mkdirSync, type Stats, statSync } from 'node:fs';
import { dirname, isAbsolute, relative, sep } from 'node:path';
import { hasCode } from '../base/system-error.ts';

const PRIVATE_FOLDER_MODE = 0o700;

/** Creates a folder and its parents with mode 0700, whatever the umask. Existing folders stay unchanged. */
export function makeFolder(path: string): void {
  if (existsSync(path)) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: PRIVATE_FOLDER_MODE });
  } catch (error) {
    // Another process has just created it.
    if (hasCode(error, 'EEXIST') && statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
    throw error;
  }
  // The umask may have removed the owner's rights.
  if ((statSync(path).mode & 0o777) !== PRIVATE_FOLDER_MODE) chmodSync(path, PRIVATE_FOLDER_MODE);
}

/** Returns whether other users can read or write a folder. Undefined if neither, or if the folder does not exist. */
export function openness(path: string): 'read' | 'write' | undefined {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
  if ((mode & 0o022) !== 0) return 'write';
  return (mode & 0o055) === 0 ? undefined : 'read';
}

/**
 * Returns why another user (except root) can write to the folder, or undefined if no other user can. Group write access is a risk on a
 * Mac, where all users share
 * one group. Elsewhere most users have their own group, and editors often let it write.
 */
export function reachOfOthers(
  place: Pick<Stats, 'uid' | 'mode'>,
  me: { uid: number | undefined; platform: NodeJS.Platform },
): 'owner' | 'mode' | undefined {
  // Systems without user ids, such as Windows, cannot distinguish users.
  if (me.uid !== undefined && place.uid !== me.uid && place.uid !== 0) return 'owner';
  return (place.mode & (me.platform === 'darwin' ? 0o022 : 0o002)) !== 0 ? 'mode' : undefined;
}

/** Returns whether a path is inside a folder. Both must be resolved. */
export function isInside(folder: string, path: string): boolean {
  const inside = relative(folder, path);
  return inside !== '' && inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
}
