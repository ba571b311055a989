/** Builds `dist/orp.js` once before the end-to-end tests, which run the command that people install. */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export default function buildOnce(): void {
  const built = spawnSync(process.execPath, ['scripts/build.ts'], { cwd: ROOT, encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`The build of dist/orp.js failed:\n${built.stdout}${built.stderr}`);
}
