/**
 * The release before this one, built from its own commit: its `orp` and its server. It runs with the packages of this checkout
 * (`cli-table3` and `drizzle-orm` are installed only for it). Without the history, as in a shallow clone, there is none.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { projectPath } from '../../scripts/local/project-path.ts';

/** Change both with each release. */
export const PREVIOUS = { version: '0.5.0', commit: 'c9b5d82e' } as const;

export const hasHistory =
  spawnSync('git', ['cat-file', '-e', `${PREVIOUS.commit}^{commit}`], { cwd: projectPath('') }).status === 0;

/** For the title of a test. */
export const skipReason = hasHistory
  ? ''
  : ` (skipped: the clone has no commit ${PREVIOUS.commit}; run git fetch --unshallow)`;

export interface PreviousRelease {
  folder: string;
  orp: string;
}

/** Unpacks the commit into `folder`, and builds `orp` there. */
export function makePreviousRelease(folder: string): PreviousRelease {
  const archive = execFileSync('git', ['archive', PREVIOUS.commit], {
    cwd: projectPath(''),
    maxBuffer: 64 * 1024 * 1024,
  });
  execFileSync('tar', ['-x', '-C', folder], { input: archive });
  symlinkSync(projectPath('node_modules'), join(folder, 'node_modules'));
  execFileSync(process.execPath, ['scripts/build.ts'], { cwd: folder });
  return { folder, orp: join(folder, 'dist', 'orp.js') };
}
