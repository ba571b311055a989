/** Tells a file that nobody made from one that cannot be reached right now. */

import { lstatSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Whether the name truly is not there: no symlink whose target is away, and nothing in the place of one of its folders.
 * Throws when the system does not let that be seen.
 */
export function isNowhere(path: string): boolean {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return false;
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const found = lstatSync(folder, { throwIfNoEntry: false });
    if (found !== undefined) return statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false;
    if (dirname(folder) === folder) return true;
  }
}
