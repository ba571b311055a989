/**
 * Whether somebody else may have had a hand in a spool that was found on the disk. What stands in it is sent to the server and
 * decides which processes are ended, so it has to be this user's own, and a part of the folder itself.
 */

import { lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode } from '../../base/system-error.ts';
import { isInside, reachOfOthers } from '../../files/private-folder.ts';

/** The reason, as a part of a sentence; undefined when there is none, or when the folder has just been removed. */
export function dangerOfSpool(folder: string): string | undefined {
  try {
    const place = realpathSync(folder);
    for (const path of [place, ...readdirSync(place).map((name) => join(place, name))]) {
      const danger = dangerOf(path, place);
      if (danger !== undefined) return `${path} ${danger}`;
    }
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
  return undefined;
}

function dangerOf(path: string, place: string): string | undefined {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() && !leadsInside(path, place)) {
    return 'leads to another place';
  }
  const found = statSync(path, { throwIfNoEntry: false });
  const reach = found && reachOfOthers(found, { uid: process.getuid?.(), platform: process.platform });
  if (reach === 'owner') return 'belongs to another user';
  return reach === 'mode' ? 'can be written by other users' : undefined;
}

function leadsInside(link: string, place: string): boolean {
  try {
    return isInside(place, realpathSync(link));
  } catch {
    // To nowhere: whoever writes to it makes a file there.
    return false;
  }
}
