import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { projectPath } from '../../scripts/local/project-path.ts';

it.each([
  ['scripts/demo.ts', ['--speed'], "error: Unknown option '--speed'.\nhint: npm run demo -- --help\n"],
  ['scripts/demo.ts', ['fast'], "error: Unexpected argument 'fast'.\nhint: npm run demo -- --help\n"],
  [
    'scripts/operator.ts',
    ['--speed'],
    "error: Unknown option '--speed'.\nhint: npm run operator -- --help\n",
  ],
  [
    'scripts/operator.ts',
    ['--name', 'Mira'],
    'error: --email is missing.\nhint: npm run operator -- --help\n',
  ],
  [
    'scripts/operator.ts',
    ['--email', 'mira'],
    'error: --email "mira" is not an e-mail address.\nhint: npm run operator -- --help\n',
  ],
  [
    'scripts/operator.ts',
    ['--reset-password', '--remote', '--persist-to', '.orp-dev'],
    'error: --persist-to is a local folder; it does not go with --remote.\nhint: npm run operator -- --help\n',
  ],
  ['scripts/start.ts', ['--speed'], "error: Unknown option '--speed'.\nhint: npm start -- --help\n"],
  [
    'scripts/start.ts',
    ['--port'],
    "error: Option '--port <value>' argument missing.\nhint: npm start -- --help\n",
  ],
  [
    'scripts/build.ts',
    ['--speed'],
    "error: Unknown option '--speed'.\nhint: npm run build takes no options.\n",
  ],
  [
    'scripts/check.ts',
    ['--type'],
    "error: Unknown option '--type'.\nhint: npm run check takes no options but --types.\n",
  ],
])('%s asked with %j names what it does not understand, and shows no stack', (script, words, said) => {
  const ended = spawnSync(process.execPath, [projectPath(script), ...words], { encoding: 'utf8' });
  expect([ended.status, ended.stdout, ended.stderr]).toEqual([2, '', said]);
});

it.each([
  [[], 'Name a benchmark.'],
  [['--speed'], "Unknown option '--speed'."],
  [['swim'], "There is no benchmark 'swim'."],
  [['toString'], "There is no benchmark 'toString'."],
  [['cost', 'wake'], "Unexpected argument 'wake'."],
  [['cost', '--jobs', '1e9'], "--jobs takes a whole number, not '1e9'."],
])('the benchmarks asked with %j say what they do not understand, and which there are', (words, sentence) => {
  const script = projectPath('test/bench/bench.ts');
  const ended = spawnSync(process.execPath, [script, ...words], { encoding: 'utf8' });
  expect([ended.status, ended.stdout]).toEqual([2, '']);
  expect(ended.stderr).toMatch(/^error: .+\n\nUsage: npm run bench -- <name>/);
  expect(ended.stderr).toContain(`error: ${sentence}\n`);
});
