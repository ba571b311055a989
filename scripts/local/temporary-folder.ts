/** Temporary folders of the scripts: for this user alone, and never in the current directory. */

import { chmodSync, mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** Makes a folder (0700) whose name begins with `prefix`. A `TMPDIR` that is not absolute does not count. */
export function makeTemporaryFolder(prefix: string): string {
  const parent = isAbsolute(tmpdir()) ? tmpdir() : '/tmp';
  const folder = realpathSync(mkdtempSync(join(parent, prefix)));
  chmodSync(folder, 0o700);
  return folder;
}
