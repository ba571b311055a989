/**
 * A vitest reporter that writes each step of a run to the file in `ORP_TEST_PROGRESS`, one JSON event per line. The file is
 * still there after a run hangs or is killed, so `scripts/test.ts` can read which tests passed and which were running.
 */

import { appendFileSync } from 'node:fs';
import type { Reporter, TestCase, TestModule, TestSpecification } from 'vitest/node';
import type { RunEvent } from './run-progress.ts';

export default class ProgressReporter implements Reporter {
  readonly #path = process.env.ORP_TEST_PROGRESS;

  onTestRunStart(specifications: readonly TestSpecification[]): void {
    this.#write({ event: 'run-started', files: specifications.length });
  }

  onTestModuleQueued(module: TestModule): void {
    this.#write({ event: 'file-started', id: module.id, file: module.relativeModuleId });
  }

  onTestModuleEnd(module: TestModule): void {
    this.#write({ event: 'file-ended', id: module.id });
  }

  onTestCaseReady(test: TestCase): void {
    this.#write({ event: 'test-started', ...placeOf(test) });
  }

  onTestCaseResult(test: TestCase): void {
    const { state } = test.result();
    if (state !== 'pending') this.#write({ event: 'test-ended', ...placeOf(test), state });
  }

  onTestRunEnd(): void {
    this.#write({ event: 'run-ended' });
  }

  /** Writes synchronously, because the process may be killed right after. */
  #write(event: RunEvent): void {
    if (this.#path !== undefined) appendFileSync(this.#path, `${JSON.stringify(event)}\n`);
  }
}

function placeOf(test: TestCase): { id: string; file: string; test: string } {
  return { id: test.id, file: test.module.relativeModuleId, test: test.fullName };
}
