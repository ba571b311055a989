/** Tracks the progress of a test run from the events of its reporter. Pure; the caller passes the time. */

/** One line of the progress file. `file` is relative to the project; `id` is unique in a run. */
export type RunEvent =
  | { event: 'run-started'; files: number }
  | { event: 'file-started'; id: string; file: string }
  | { event: 'file-ended'; id: string }
  | { event: 'test-started'; id: string; file: string; test: string }
  | { event: 'test-ended'; id: string; file: string; test: string; state: TestState }
  | { event: 'run-ended' };

export type TestState = 'passed' | 'failed' | 'skipped';

/** How long a run may take. */
export interface RunLimits {
  /** The maximum time without a finished test or file. */
  stallSeconds: number;
  totalSeconds: number;
}

/** A running test, or a file that is before its first test or in its hooks. */
interface Running {
  name: string;
  file: string;
  startedAt: number;
}

export class RunProgress {
  readonly #startedAt: number;
  readonly #files = new Map<string, Running>();
  readonly #tests = new Map<string, Running>();
  readonly #ended = new Map<string, { name: string; state: TestState }>();
  #fileCount = 0;
  #endedFiles = 0;
  #hasEnded = false;
  #lastStepAt: number;

  /** @param now milliseconds on a monotonic clock, as in all calls */
  constructor(now: number) {
    this.#startedAt = now;
    this.#lastStepAt = now;
  }

  /** Returns why the run must be stopped, as a sentence, or undefined. */
  reasonToStop({ stallSeconds, totalSeconds }: RunLimits, now: number): string | undefined {
    if (now - this.#lastStepAt >= stallSeconds * 1000) {
      const what = this.#hasEnded ? 'All tests had finished, but vitest did not end' : 'No test finished';
      return `${what} for ${stallSeconds} s, so the run was stopped.`;
    }
    if (now - this.#startedAt < totalSeconds * 1000) return undefined;
    return `The tests were still running after ${totalSeconds} s, so the run was stopped.`;
  }

  count(state: TestState): number {
    return [...this.#ended.values()].filter((test) => test.state === state).length;
  }

  get failedTests(): string[] {
    return [...this.#ended.values()].filter(({ state }) => state === 'failed').map(({ name }) => name);
  }

  apply(event: RunEvent, now: number): void {
    // The start of a test does not count as progress, because the end of the previous test was already counted.
    if (event.event !== 'test-started') this.#lastStepAt = now;
    switch (event.event) {
      case 'run-started':
        this.#fileCount = event.files;
        break;
      case 'file-started':
        this.#files.set(event.id, { name: event.file, file: event.file, startedAt: now });
        break;
      case 'file-ended':
        if (this.#files.delete(event.id)) this.#endedFiles += 1;
        break;
      case 'test-started':
        this.#tests.set(event.id, { name: nameOf(event), file: event.file, startedAt: now });
        break;
      case 'test-ended':
        this.#tests.delete(event.id);
        this.#ended.set(event.id, { name: nameOf(event), state: event.state });
        break;
      case 'run-ended':
        this.#hasEnded = true;
        break;
    }
  }

  /** Returns one line with the seconds for each running test, and for each file whose tests are not running. */
  describeRunning(now: number): string[] {
    const tests = [...this.#tests.values()];
    const busy = new Set(tests.map(({ file }) => file));
    const files = [...this.#files.values()].filter(({ file }) => !busy.has(file));
    return [...tests, ...files].map(({ name, startedAt }) => `${name} (${seconds(now - startedAt)} s)`);
  }

  /** The progress in one line: `files 12 of 130, tests 310; running: …`. */
  describe(now: number): string {
    const running = this.describeRunning(now);
    const rest = running.length === 0 ? '' : `; running: ${running.join(', ')}`;
    return `files ${this.#endedFiles} of ${this.#fileCount}, tests ${this.#ended.size}${rest}`;
  }

  /** The last line of `npm test`, which other programs read. */
  closingLine(): string {
    const skipped = this.count('skipped');
    const rest = skipped > 0 ? `, ${skipped} skipped` : '';
    return `${this.count('passed')} passed, ${this.count('failed')} failed${rest}`;
  }
}

function nameOf({ file, test }: { file: string; test: string }): string {
  return `${file} > ${test}`;
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}
