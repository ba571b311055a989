import { spawnSync } from 'node:child_process';
import { projectPath } from './project-path.ts';

/** Builds `dist/orp.js`; throws with the output of the build when it fails. */
export function buildOrp(): void {
  const built = spawnSync(process.execPath, [projectPath('scripts/build.ts')], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`The build of dist/orp.js failed:\n${built.stdout}${built.stderr}`);
}
