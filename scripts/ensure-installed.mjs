/**
 * Installs the dependencies when they are missing or older than the lock file, so that every npm script works in a fresh clone.
 * Plain JavaScript without dependencies: it runs on whatever Node the person has, before the pinned one is there.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = 20;
const root = fileURLToPath(new URL('../', import.meta.url));

/** npm writes its hidden lock file last: an interrupted install leaves none, and is done again. */
const installedLock = `${root}node_modules/.package-lock.json`;

function isUpToDate() {
  if (!existsSync(installedLock)) return false;
  return statSync(installedLock).mtimeMs >= statSync(`${root}package-lock.json`).mtimeMs;
}

function install() {
  console.error('Installing dependencies (npm ci, once, about 30 s) …');
  const npm = process.env.npm_execpath;
  const command = npm ? [process.execPath, npm] : ['npm'];
  const [bin, ...args] = [...command, 'ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const done = spawnSync(bin, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  if (done.status === 0) return;
  process.stdout.write(done.stdout ?? '');
  console.error('error: npm ci failed; the lines above say why.');
  console.error(
    'hint: check the network and the registry (npm config get registry), then run the same command again.',
  );
  process.exit(1);
}

if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
  console.error(`error: Node ${process.versions.node} is too old; Node ${OLDEST_NODE} or newer is needed.`);
  process.exit(1);
}
if (!isUpToDate()) install();
