import { spawnSync } from 'node:child_process';
import { existsSync, globSync, statSync } from 'node:fs';
import { projectPath } from './project-path.ts';

const BUILT = 'dist/orp.js';
const SOURCES = ['cli/**/*.ts', 'spec/**/*.ts', 'scripts/build.ts', 'package.json'];

/**
 * Returns whether the build is up to date. It is then kept, because a new build would break commands that are running
 * from it.
 */
function isBuilt(): boolean {
  if (!existsSync(projectPath(BUILT))) return false;
  const builtAt = statSync(projectPath(BUILT)).mtimeMs;
  const sources = globSync(SOURCES, { cwd: projectPath('') });
  return sources.every((source) => statSync(projectPath(source)).mtimeMs < builtAt);
}

/** Builds `dist/orp.js` if it is missing or older than its sources. If the build fails, throws with its output. */
export function buildOrp(): void {
  if (isBuilt()) return;
  const built = spawnSync(process.execPath, [projectPath('scripts/build.ts')], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`The build of ${BUILT} failed:\n${built.stdout}${built.stderr}`);
}
