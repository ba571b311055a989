/** Checks that every lock file pins each package with its hash, for every platform, and names no registry. */

import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { folderProblems, lockProblems, type Packages } from './local/lock-problems.ts';
import { projectPath } from './local/project-path.ts';

const all = globSync(
  '**/{package.json,package-lock.json,npm-shrinkwrap.json,yarn.lock,pnpm-lock.yaml,bun.lock,bun.lockb}',
  {
    cwd: projectPath('.'),
    exclude: (name) => ['node_modules', 'dist', '.git', '.wrangler'].includes(basename(name)),
  },
);
const files = all.filter((file) => basename(file) === 'package-lock.json');
const locks = new Map<string, Packages>();
const manifest = JSON.parse(readFileSync(projectPath('package.json'), 'utf8')) as {
  allowScripts: Record<string, boolean>;
};
const scripts = new Set(Object.keys(manifest.allowScripts));

for (const file of files) {
  // A lock file of version 1 has no `packages`.
  const { packages = {} } = JSON.parse(readFileSync(projectPath(file), 'utf8')) as { packages?: Packages };
  locks.set(file, packages);
  const problems = lockProblems(packages, scripts);
  if (problems.length === 0) continue;
  console.log(`${file} does not pin what it installs:`);
  console.log(problems.join('\n'));
  console.log(
    'hint: `npm view <name>@<version> dist.integrity` shows the hash of a package of another platform.',
  );
  process.exitCode = 1;
}
for (const problem of folderProblems(all, locks)) {
  console.log(problem);
  process.exitCode = 1;
}
if (files.length === 0) {
  console.log('There is no package-lock.json.');
  process.exitCode = 1;
}
