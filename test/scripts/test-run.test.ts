/** `npm test` as a person and CI see it: what it says of a run that hangs, that is slow, and that is red. */

import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { projectPath } from '../../scripts/local/project-path.ts';

interface Run {
  code: number | null;
  /** Of the standard output; what order both outputs have together is chance. */
  lines: string[];
  output: string;
}

interface Given {
  /** Names of the small runs beside this file. */
  cases: string[];
  env?: Record<string, string>;
  /** Sent as soon as the output contains `when`. */
  signal?: { name: NodeJS.Signals; when: string };
}

/** Runs `npm test` on small runs; answers its exit code and all it printed. */
function npmTest({ cases, env = {}, signal }: Given): Promise<Run> {
  const args = [projectPath('scripts/test.ts'), '--root', projectPath('test/scripts/runs'), ...cases];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let printed = '';
  let isSignalled = false;
  const hear = (chunk: Buffer): void => {
    output += chunk;
    if (isSignalled || signal === undefined || !output.includes(signal.when)) return;
    isSignalled = true;
    child.kill(signal.name);
  };
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk;
    hear(chunk);
  });
  child.stderr.on('data', hear);
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ code, output, lines: printed.trim().split('\n') }));
  });
}

it('ends with one line that counts what passed, failed and was skipped', async () => {
  const { code, lines } = await npmTest({ cases: ['mixed'] });
  expect(lines.at(-1)).toBe('1 passed, 1 failed, 1 skipped');
  expect(code).toBe(1);
});

it('stops a run in which nothing finishes, names the test that was running, and counts what passed', async () => {
  const { code, output, lines } = await npmTest({
    cases: ['mixed', 'hanging'],
    env: { ORP_TEST_STALL_SECONDS: '6' },
  });
  expect(output).toContain('error: No test finished for 6 s, so the run was stopped.');
  expect(output).toMatch(/running: hanging\.case\.ts > never ends \(\d+ s\)/);
  expect(output).toContain('failed: mixed.case.ts > fails');
  expect(lines.at(-1)).toBe('2 passed, 1 failed, 1 skipped');
  expect(code).toBe(1);
});

it('stops a run at its total limit, and says what was running', async () => {
  const { code, output, lines } = await npmTest({
    cases: ['hanging'],
    env: { ORP_TEST_LIMIT_SECONDS: '6' },
  });
  expect(output).toContain('error: The tests were still running after 6 s, so the run was stopped.');
  expect(output).toContain('running: hanging.case.ts > never ends');
  expect(lines.at(-1)).toBe('1 passed, 0 failed');
  expect(code).toBe(1);
});

it('shows its progress, and when it is interrupted what was running and what passed', async () => {
  const progress = ': files 0 of 1, tests 1; running: hanging.case.ts > never ends';
  const { code, output, lines } = await npmTest({
    cases: ['hanging'],
    signal: { name: 'SIGINT', when: progress },
    env: { ORP_TEST_REPORT_SECONDS: '0.2' },
  });
  expect(output).toContain(progress);
  expect(output).toContain('error: The run was ended by SIGINT.');
  expect(output).toContain('\n  running: hanging.case.ts > never ends');
  expect(lines.at(-1)).toBe('1 passed, 0 failed');
  expect(code).toBe(1);
});

it('is red when a file cannot be loaded, and says that no test failed', async () => {
  const { code, output, lines } = await npmTest({ cases: ['broken'] });
  expect(output).toContain('error: the run failed outside of the tests (exit 1)');
  expect(lines.at(-1)).toBe('0 passed, 0 failed');
  expect(code).toBe(1);
});
