import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { projectPath } from '../local/project-path.ts';

/** Helpers that start processes, which takes a second instead of milliseconds. */
export const STARTERS: readonly string[] = [
  'test/cli/runner/orp-process.ts', // `orp` and agents as processes
  'test/cli/output/terminal.ts', // `orp` in a terminal of its own
  'test/support/hosted.ts', // the whole server
];

const IMPORT = /\bfrom '(\.[^']+)'/g;

/** Returns whether a test file imports a helper that starts processes. */
export function isSlow(path: string, source: string): boolean {
  return [...source.matchAll(IMPORT)].some(([, target]) =>
    STARTERS.includes(join(dirname(path), target ?? '')),
  );
}

/** The test files of the CLI that `npm run test:fast` leaves out. */
export function slowTests(): string[] {
  const files = globSync('test/cli/**/*.test.ts', { cwd: projectPath('') });
  return files.filter((path) => isSlow(path, readFileSync(projectPath(path), 'utf8'))).sort();
}
