/** Runs vitest, follows its progress, and stops it if it makes no progress. */

import { type ChildProcess, spawn } from 'node:child_process';
import { projectPath } from '../local/project-path.ts';
import { ProgressFile } from './progress-file.ts';
import { type RunLimits, RunProgress } from './run-progress.ts';

export interface RunSettings extends RunLimits {
  /** How often to print the progress if the output is not a terminal. On a terminal, vitest shows the progress. */
  reportSeconds: number;
}

export interface RunOutcome {
  progress: RunProgress;
  /** The exit code of vitest, or 1 if it was stopped. */
  exitCode: number;
  /** Why the run was stopped, as a sentence. Undefined if it ended by itself. */
  stoppedBecause: string | undefined;
  /** The tests that were running then, one line each. */
  running: string[];
}

const LOOK_MS = 500;
/** The time between asking vitest to end and killing it. */
const GRACE_MS = 10_000;

/** Runs `vitest run <args>`. Settles when vitest and all processes of its group have ended. */
export function runWatched(args: readonly string[], settings: RunSettings): Promise<RunOutcome> {
  return new WatchedRun(args, settings).outcome;
}

class WatchedRun {
  readonly outcome: Promise<RunOutcome>;
  readonly #settings: RunSettings;
  readonly #startedAt = performance.now();
  readonly #progress = new RunProgress(this.#startedAt);
  readonly #file = new ProgressFile(
    projectPath(`node_modules/.cache/orp-runner/test-progress-${process.pid}.jsonl`),
  );
  readonly #child: ChildProcess;
  #stoppedBecause: string | undefined;
  #running: string[] = [];
  #reportedAt = this.#startedAt;

  constructor(args: readonly string[], settings: RunSettings) {
    this.#settings = settings;
    const reporters = [
      '--reporter=default',
      `--reporter=${projectPath('scripts/testing/progress-reporter.ts')}`,
    ];
    // Use a new process group, so that stopping it also ends the runtimes that vitest started.
    const vitest = projectPath('node_modules/vitest/vitest.mjs');
    this.#child = spawn(process.execPath, [vitest, 'run', ...reporters, ...args], {
      cwd: projectPath(''),
      stdio: ['ignore', 'inherit', 'inherit'],
      detached: true,
      env: { ...process.env, WRANGLER_SEND_METRICS: 'false', ORP_TEST_PROGRESS: this.#file.path },
    });
    this.outcome = this.#follow();
  }

  async #follow(): Promise<RunOutcome> {
    const look = setInterval(() => this.#look(), LOOK_MS);
    const onSignal = (signal: NodeJS.Signals): void => this.#stop(`The run was ended by ${signal}.`, signal);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
    const code = await new Promise<number | null>((resolve) => {
      this.#child.on('error', () => resolve(null));
      this.#child.on('close', resolve);
    });
    clearInterval(look);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onSignal);
    this.#read();
    this.#file.remove();
    return {
      progress: this.#progress,
      exitCode: this.#stoppedBecause === undefined ? (code ?? 1) : 1,
      stoppedBecause: this.#stoppedBecause,
      running: this.#running,
    };
  }

  #read(): number {
    const now = performance.now();
    for (const event of this.#file.readNew()) this.#progress.apply(event, now);
    return now;
  }

  #look(): void {
    const now = this.#read();
    if (this.#stoppedBecause !== undefined) return;
    const reason = this.#progress.reasonToStop(this.#settings, now);
    if (reason !== undefined) this.#stop(reason, 'SIGTERM');
    else if (!process.stdout.isTTY && now - this.#reportedAt >= this.#settings.reportSeconds * 1000) {
      this.#reportedAt = now;
      console.log(`… ${Math.round((now - this.#startedAt) / 1000)} s: ${this.#progress.describe(now)}`);
    }
  }

  #stop(reason: string, signal: NodeJS.Signals): void {
    this.#running = this.#progress.describeRunning(this.#read());
    this.#stoppedBecause ??= reason;
    this.#signalGroup(signal);
    setTimeout(() => this.#signalGroup('SIGKILL'), GRACE_MS).unref();
  }

  #signalGroup(signal: NodeJS.Signals): void {
    if (this.#child.pid === undefined || this.#child.exitCode !== null) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      // The group has ended in the meantime.
    }
  }
}
