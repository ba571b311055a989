/**
 * The lock file must name the packages of every platform. npm writes only those that the registry at hand offers, and then
 * `npm ci` fails for everybody: a fresh clone could not be installed at all.
 */

import { readFileSync } from 'node:fs';
import { projectPath } from './local/project-path.ts';

interface LockedPackage {
  version?: string;
  resolved?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

type Packages = Record<string, LockedPackage>;

/** Where Node would find `name` from the package at `from`; undefined when the lock has no entry for it. */
function resolve(packages: Packages, from: string, name: string): LockedPackage | undefined {
  for (let base = from; ; base = base.slice(0, Math.max(0, base.lastIndexOf('/node_modules/')))) {
    const found = packages[`${base}${base === '' ? '' : '/'}node_modules/${name}`];
    if (found || base === '') return found;
  }
}

function missingOf(packages: Packages, path: string): string[] {
  const { dependencies = {}, optionalDependencies = {} } = packages[path] ?? {};
  return Object.entries({ ...dependencies, ...optionalDependencies })
    .filter(([name, wanted]) => {
      const found = resolve(packages, path, name);
      // The package of a platform may be another version of the same package: `npm:name@version`.
      const version = /^npm:.+@([^@]+)$/.exec(wanted)?.[1] ?? wanted;
      const isExact = /^\d+\.\d+\.\d+[^ ]*$/.test(version);
      return found === undefined || (isExact && found.version !== version);
    })
    .map(([name, wanted]) => `${path || 'package.json'} needs ${name}@${wanted}`);
}

/** The program's own, and those of the versions of Codex that are tested. */
const LOCK_FILES = [
  'package-lock.json',
  'test/codex/oldest/package-lock.json',
  'test/codex/newest/package-lock.json',
];

function check(file: string): void {
  const lock = JSON.parse(readFileSync(projectPath(file), 'utf8')) as { packages: Packages };
  const missing = Object.keys(lock.packages).flatMap((path) => missingOf(lock.packages, path));
  const hosted = Object.keys(lock.packages).filter((path) => lock.packages[path]?.resolved !== undefined);
  if (missing.length > 0) {
    console.log(`${file} lacks ${missing.length} packages of other platforms, so npm ci would fail:`);
    console.log(missing.join('\n'));
    console.log(
      'hint: add their entries (version, os, cpu, "optional": true) after the model of the ones that are there.',
    );
    process.exitCode = 1;
  }
  if (hosted.length > 0) {
    console.log(`${file} names the registry it was written with, which others may not reach:`);
    console.log(hosted.join('\n'));
    console.log('hint: write it with omit-lockfile-registry-resolved=true.');
    process.exitCode = 1;
  }
}

for (const file of LOCK_FILES) check(file);
