/** When a test run is stopped, and what is said of it then. The clock is in milliseconds. */

import { describe, expect, it } from 'vitest';
import { RunProgress } from '../../scripts/testing/run-progress.ts';

const MINUTE = 60_000;
const LIMITS = { stallSeconds: 600, totalSeconds: 3600 };
const FILE = { id: 'f1', file: 'test/a.test.ts' };

function test(number: number) {
  return { id: `t${number}`, file: FILE.file, test: `counts ${number}` };
}

function runOf(files: number): RunProgress {
  const run = new RunProgress(0);
  run.apply({ event: 'run-started', files }, 0);
  run.apply({ event: 'file-started', ...FILE }, 0);
  return run;
}

describe('a run', () => {
  it('continues for as long as tests finish, however slow they are', () => {
    const run = runOf(1);
    for (let at = 9 * MINUTE, number = 1; at < 60 * MINUTE; at += 9 * MINUTE, number += 1) {
      expect(run.reasonToStop(LIMITS, at)).toBeUndefined();
      run.apply({ event: 'test-ended', ...test(number), state: 'passed' }, at);
    }
    expect(run.reasonToStop(LIMITS, 60 * MINUTE - 1)).toBeUndefined();
    expect(run.reasonToStop(LIMITS, 60 * MINUTE)).toContain('still running after 3600 s');
  });

  it('is stopped when nothing has finished for ten minutes, however often a test says that it starts', () => {
    const run = runOf(1);
    run.apply({ event: 'test-started', ...test(1) }, 5 * MINUTE);
    expect(run.reasonToStop(LIMITS, 10 * MINUTE - 1)).toBeUndefined();
    expect(run.reasonToStop(LIMITS, 10 * MINUTE)).toBe('No test finished for 600 s, so the run was stopped.');
  });

  it('is stopped when all has finished and vitest does not end', () => {
    const run = runOf(1);
    run.apply({ event: 'run-ended' }, MINUTE);
    expect(run.reasonToStop(LIMITS, 11 * MINUTE)).toContain('All tests had finished, but vitest did not end');
  });
});

describe('what is running', () => {
  it('is each test with its time, and a file where none of its tests runs', () => {
    const run = runOf(3);
    run.apply({ event: 'file-started', id: 'f2', file: 'test/b.test.ts' }, 2000);
    run.apply({ event: 'test-started', ...test(1) }, 3000);
    expect(run.describe(5000)).toBe(
      'files 0 of 3, tests 0; running: test/a.test.ts > counts 1 (2 s), test/b.test.ts (3 s)',
    );
  });

  it('is nothing once all has ended', () => {
    const run = runOf(1);
    run.apply({ event: 'test-started', ...test(1) }, 0);
    run.apply({ event: 'test-ended', ...test(1), state: 'failed' }, 0);
    run.apply({ event: 'file-ended', id: FILE.id }, 0);
    expect(run.describe(1000)).toBe('files 1 of 1, tests 1');
    expect(run.failedTests).toEqual(['test/a.test.ts > counts 1']);
  });
});

describe('the closing line', () => {
  it('counts each test once and mentions skipped ones only when there are some', () => {
    const run = runOf(1);
    for (const state of ['failed', 'passed'] as const) {
      run.apply({ event: 'test-ended', ...test(1), state }, 0);
    }
    expect(run.closingLine()).toBe('1 passed, 0 failed');
    run.apply({ event: 'test-ended', ...test(2), state: 'skipped' }, 0);
    expect(run.closingLine()).toBe('1 passed, 0 failed, 1 skipped');
  });
});
