/**
 * The folders in which `.ci/run` installs the Codex versions of `test/codex`. With 400 MB each, they are too large for
 * `package.json`.
 */

import { homedir } from 'node:os';
import { join } from 'node:path';

const FOLDER = join(homedir(), '.cache', 'orp-runner-ci', 'codex');

/** The binary of the oldest or the newest pinned Codex. It may not be installed. */
export function pinnedCodex(age: 'oldest' | 'newest'): string {
  return join(FOLDER, age, 'node_modules', '.bin', 'codex');
}
