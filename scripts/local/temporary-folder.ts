/** Temporary folders of the scripts. Only this user can open them, and they are never in the current directory. */

import { chmodSync, mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** Creates a folder (0700) whose name begins with `prefix`. Ignores a `TMPDIR` that is not absolute. */
export function makeTemporaryFolder(prefix: string): string {
  const parent = isAbsolute(tmpdir()) ? tmpdir() : '/tmp';
  const folder = realpathSync(mkdtempSync(join(parent, prefix)));
  chmodSync(folder, 0o700);
  return folder;
}
