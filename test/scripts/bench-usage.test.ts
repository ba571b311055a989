import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const BENCH = fileURLToPath(new URL('../bench/bench.ts', import.meta.url));

it.each([
  { words: ['--help'], status: 0, first: 'Usage: npm run bench' },
  { words: ['drain', '-h'], status: 0, first: 'Usage: npm run bench' },
  { words: ['unheard-of'], status: 2, first: "error: There is no benchmark 'unheard-of'." },
  { words: ['cost', '--jobs', 'many'], status: 2, first: "error: --jobs takes a whole number, not 'many'." },
  { words: ['chaos', '--seed', '-1'], status: 2, first: '' },
  { words: ['cost', '--speed'], status: 2, first: "error: Unknown option '--speed'" },
])('a benchmark asked with $words says how it is used', ({ words, status, first }) => {
  const ended = spawnSync(process.execPath, [BENCH, ...words], { encoding: 'utf8' });
  const said = status === 0 ? ended.stdout : ended.stderr;
  expect([ended.status, said.slice(0, first.length)]).toEqual([status, first]);
  expect(said).toContain('  drain ');
  expect(ended.stderr).not.toMatch(/\bat .*\.ts:\d+/);
});
