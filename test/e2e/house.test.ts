/** The rules of the linter bite: a clock in spec/, a careless suppression and a file that is too long are all red. */

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { projectPath } from '../../scripts/local/project-path.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'orp-house-'));
  cpSync(projectPath('biome.json'), join(folder, 'biome.json'));
  cpSync(projectPath('scripts/lint'), join(folder, 'scripts/lint'), { recursive: true });
  spawnSync('git', ['init', '--quiet'], { cwd: folder });
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Lints one file of a project with the rules of this one; answers what Biome said, empty when it was content. */
function lint(path: string, source: string): string {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, source);
  const biome = projectPath('node_modules/.bin/biome');
  const args = ['lint', '--error-on-warnings', '--colors=off', path];
  const { status, stdout, stderr } = spawnSync(biome, args, { cwd: folder, encoding: 'utf8' });
  rmSync(file);
  return status === 0 ? '' : `${stdout}${stderr}`;
}

it.each(['Date.now()', 'new Date()', 'Math.random()'])('spec/ may not call %s', (call) => {
  expect(lint('spec/job/a.ts', `export const now = ${call};\n`)).toContain('spec/ is pure');
});

it('a suppression that suppresses nothing is red', () => {
  const source = '// biome-ignore lint/suspicious/noExplicitAny: not needed\nexport const one = 1;\n';
  expect(lint('cli/a.ts', source)).toContain('suppressions/unused');
});

it('a function of more than 60 lines and a file of more than 400 are red', () => {
  const lines = Array.from({ length: 61 }, (_, at) => `  console.log(${at});`).join('\n');
  expect(lint('cli/a.ts', `export function long(): void {\n${lines}\n}\n`)).toContain(
    'noExcessiveLinesPerFunction',
  );
  const many = Array.from({ length: 401 }, (_, at) => `export const a${at} = ${at};`).join('\n');
  expect(lint('cli/a.ts', `${many}\n`)).toContain('noExcessiveLinesPerFile');
});

it('every npm script that the README names exists', () => {
  const { scripts } = JSON.parse(readFileSync(projectPath('package.json'), 'utf8')) as { scripts: object };
  const readme = readFileSync(projectPath('README.md'), 'utf8');
  const named = [
    ...readme.matchAll(/npm (?:run )?(start|test(?::watch)?|demo|check|fix|build|operator|deploy|bench)\b/g),
  ];
  expect(named.length).toBeGreaterThan(5);
  for (const [, script = ''] of named) expect(Object.keys(scripts)).toContain(script);
});

it('gives every decision record a number of its own, which its title repeats', () => {
  const records = readdirSync(projectPath('docs/decisions'));
  const numbers = records.map((name) => name.slice(0, 4));
  expect(numbers).toEqual([...new Set(numbers)]);
  for (const name of records) {
    const title = readFileSync(projectPath(`docs/decisions/${name}`), 'utf8').split('\n')[0];
    expect(title, name).toMatch(new RegExp(`^# ${name.slice(0, 4)} `));
  }
});
