/**
 * The folders in which `.ci/run` installs the Codex versions of `test/codex`. With 400 MB each, they are too large for
 * `package.json`.
 */

import { homedir } from 'node:os';
import { join } from 'node:path';

const FOLDER = join(homedir(), '.cache', 'orp-runner-ci', 'codex');

/** The pinned versions. `oldest-server`: the oldest that the runner drives through an agent server. */
export const CODEX_AGES = ['oldest', 'oldest-server', 'newest'] as const;

/** The binary of a pinned Codex. It may not be installed. */
export function pinnedCodex(age: (typeof CODEX_AGES)[number]): string {
  return join(FOLDER, age, 'node_modules', '.bin', 'codex');
}
