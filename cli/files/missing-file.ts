/** Distinguishes a file that does not exist from a file that cannot be reached. */

import { lstatSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Returns whether the file does not exist. A path with a broken symlink, or with a file in place of a folder, does not count as missing.
 * Throws if the system does not allow the check.
 */
export function isNowhere(path: string): boolean {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return false;
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const found = lstatSync(folder, { throwIfNoEntry: false });
    if (found !== undefined) return statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false;
    if (dirname(folder) === folder) return true;
  }
}
