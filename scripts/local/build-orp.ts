import { spawnSync } from 'node:child_process';
import { existsSync, globSync, statSync } from 'node:fs';
import { projectPath } from './project-path.ts';

const BUILT = 'dist/orp.js';
const SOURCES = ['cli/**/*.ts', 'spec/**/*.ts', 'scripts/build.ts', 'package.json'];

/** Rebuilding while a command runs from the file would break that command, so a build that is new enough stays. */
function isBuilt(): boolean {
  if (!existsSync(projectPath(BUILT))) return false;
  const builtAt = statSync(projectPath(BUILT)).mtimeMs;
  const sources = globSync(SOURCES, { cwd: projectPath('') });
  return sources.every((source) => statSync(projectPath(source)).mtimeMs < builtAt);
}

/** Builds `dist/orp.js` when it is missing or older than its sources; throws with the output of the build when it fails. */
export function buildOrp(): void {
  if (isBuilt()) return;
  const built = spawnSync(process.execPath, [projectPath('scripts/build.ts')], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`The build of ${BUILT} failed:\n${built.stdout}${built.stderr}`);
}
