/** What `npm publish` refuses: changes that nobody committed, commits that nobody can see, a version without a word. */

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { projectPath } from '../../scripts/local/project-path.ts';

let folder: string;
let clone: string;

const git = (cwd: string, ...args: string[]) =>
  execFileSync(
    'git',
    ['-c', 'user.name=T', '-c', 'user.email=t@orp.test', '-c', 'commit.gpgsign=false', ...args],
    {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orp-guard-'));
  clone = join(folder, 'clone');
  git(folder, 'init', '-q', '--bare', 'origin.git');
  git(folder, 'clone', '-q', 'origin.git', 'clone');
  writeFileSync(join(clone, 'package.json'), '{"version": "0.6.0"}');
  writeFileSync(
    join(clone, 'CHANGELOG.md'),
    '# Changelog\n\n## [Unreleased]\n\n## [0.6.0] - 2026-11-28\n\n- Things.\n\n## [0.5.0]\n\n- Others.\n',
  );
  commit();
  git(clone, 'push', '-q', 'origin', 'HEAD:main');
  git(clone, 'fetch', '-q');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function commit(): void {
  git(clone, 'add', '-A');
  git(clone, 'commit', '-q', '-m', 'Change');
}

function guard(env: NodeJS.ProcessEnv = {}, cwd = clone): { code: number | null; said: string } {
  const { GITHUB_ACTIONS: _, ...inherited } = process.env;
  const done = spawnSync(process.execPath, [projectPath('scripts/release/guard.ts')], {
    cwd,
    encoding: 'utf8',
    env: { ...inherited, GIT_CEILING_DIRECTORIES: tmpdir(), ...env },
  });
  return { code: done.status, said: done.stderr };
}

it('lets a clean, pushed version with a changelog pass', () => {
  expect(guard()).toEqual({ code: 0, said: '' });
});

it.each([
  ['modified', () => writeFileSync(join(clone, 'CHANGELOG.md'), 'x')],
  ['untracked', () => writeFileSync(join(clone, 'left-over.txt'), 'x')],
  [
    'staged',
    () => {
      writeFileSync(join(clone, 'new.txt'), 'x');
      git(clone, 'add', 'new.txt');
    },
  ],
])('refuses a %s file, and names at most ten', (_, change) => {
  change();
  for (let at = 0; at < 12; at += 1) writeFileSync(join(clone, `extra-${at}`), '');
  const { code, said } = guard();
  expect(code).toBe(1);
  expect(said).toContain('not committed');
  expect(said).toContain('and 3 more');
});

it('refuses a commit that no remote branch contains, except in a workflow', () => {
  writeFileSync(join(clone, 'more.txt'), 'x');
  commit();
  expect(guard()).toMatchObject({ code: 1, said: expect.stringContaining('Push it first') });
  expect(guard({ GITHUB_ACTIONS: 'true' })).toMatchObject({ code: 0 });
});

it.each([
  ['without a section', '# Changelog\n\n## [Unreleased]\n\n- Things.\n'],
  ['with an empty section', '# Changelog\n\n## [0.6.0]\n\n## [0.5.0]\n\n- Others.\n'],
])('refuses a version %s in the changelog', (_, text) => {
  writeFileSync(join(clone, 'CHANGELOG.md'), text);
  commit();
  git(clone, 'push', '-q', 'origin', 'HEAD:main');
  git(clone, 'fetch', '-q');
  expect(guard()).toMatchObject({ code: 1, said: expect.stringContaining('no section for version 0.6.0') });
});

it('refuses a folder that is no work tree', () => {
  expect(guard({}, folder)).toMatchObject({ code: 1, said: expect.stringContaining('not a work tree') });
});
