/** What a test run has done so far, from the events that its reporter writes. Pure: the caller tells the time. */

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
  /** Without any test or file that finishes. */
  stallSeconds: number;
  totalSeconds: number;
}

/** A test, or a file that has not reached its first test or runs its hooks. */
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

  /** Why the run is to be stopped, as a sentence; undefined while it may go on. */
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
    // A test that starts is no step forward: a file that starts its next test has ended the one before.
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

  /** One line for each test that runs, with its seconds; a file counts where none of its tests runs. */
  describeRunning(now: number): string[] {
    const tests = [...this.#tests.values()];
    const busy = new Set(tests.map(({ file }) => file));
    const files = [...this.#files.values()].filter(({ file }) => !busy.has(file));
    return [...tests, ...files].map(({ name, startedAt }) => `${name} (${seconds(now - startedAt)} s)`);
  }

  /** `files 12 of 130, tests 310; running: …`, of what has finished and what has not. */
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
