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
  ['scripts/operator.ts', [], 'error: --email is missing.\nhint: npm run operator -- --help\n'],
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
])('%s asked with %j names what it does not understand, and shows no stack', (script, words, said) => {
  const ended = spawnSync(process.execPath, [projectPath(script), ...words], { encoding: 'utf8' });
  expect([ended.status, ended.stdout, ended.stderr]).toEqual([2, '', said]);
});
