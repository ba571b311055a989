/**
 * Installs the dependencies if they are missing or differ from the lock file, so that every npm script works in a fresh clone.
 * It is plain JavaScript without dependencies, because it runs on the person's Node before the pinned Node is installed.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = 20;
const root = fileURLToPath(new URL('../', import.meta.url));
const pinnedNode = `${root}node_modules/.bin/node`;

function fail(sentence, hint) {
  console.error(`error: ${sentence}\nhint: ${hint}`);
  process.exit(1);
}

function packagesOf(lockFile) {
  return JSON.parse(readFileSync(`${root}${lockFile}`, 'utf8')).packages;
}

/** Compares contents, because switching branches changes file times. npm writes its hidden lock last, so a broken install has none. */
function isUpToDate() {
  if (!existsSync(`${root}node_modules/.package-lock.json`)) return false;
  const installed = packagesOf('node_modules/.package-lock.json');
  return Object.entries(packagesOf('package-lock.json')).every(([path, wanted]) => {
    if (path === '') return true;
    const found = installed[path];
    return found === undefined ? wanted.optional === true : found.version === wanted.version;
  });
}

function install() {
  console.error('Installing dependencies (npm ci, only this time, about 30 s) …');
  const npm = process.env.npm_execpath;
  const [bin, ...prefix] = npm ? [process.execPath, npm] : ['npm'];
  const args = [...prefix, 'ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const done = spawnSync(bin, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
  if (done.status === 0) return;
  console.error(done.stdout ?? '');
  fail(
    'npm ci failed; the lines above say why.',
    'check the network and the registry, then run the same command again.',
  );
}

if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
  fail(`Node ${process.versions.node} is too old.`, `install Node ${OLDEST_NODE} or newer.`);
}
if (!isUpToDate()) install();
if (!existsSync(pinnedNode)) {
  fail(
    `there is no pinned Node for ${process.platform}-${process.arch}, or npm was told to omit optional packages.`,
    'run: npm ci --include=optional; the platforms are named in scripts/node/package.json.',
  );
}
