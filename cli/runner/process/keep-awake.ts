/**
 * Keeps a Mac from sleeping while a job runs, with one `caffeinate`:
 *
 *   asleep ──first job──▶ awake ──last job ended──▶ lingering ──20 s──▶ asleep
 *                           ▲ └─lease nearly over─▶ the next caffeinate, then the end of this one
 *                           └────────────next job─────┘
 *
 * It ends with the runner's process (`-w`), so that nothing is left after a crash. It has a time limit (`-t`), so that a
 * hanging or stopped runner does not keep the machine awake all night.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import type { Reporter } from '../../base/reporter.ts';

/** When to keep the machine awake: only on mains power, also on battery, or never. */
export const KEEP_AWAKE_MODES = ['ac', 'always', 'never'] as const;
export type KeepAwakeMode = (typeof KEEP_AWAKE_MODES)[number];

/** `-s` only counts on mains power; `-i` prevents idle sleep on battery, too. Closing the lid always wins on battery. */
const FLAGS = { ac: '-s', always: '-is' } as const satisfies Record<Exclude<KeepAwakeMode, 'never'>, string>;

/** The maximum time that a hanging runner keeps the machine awake. */
const LEASE_MS = 10 * 60_000;
/** How long `caffeinate` stays after the last job, so that consecutive jobs share one process. */
const LINGER_MS = 20_000;

export interface KeepAwakeOptions {
  mode: KeepAwakeMode;
  reporter: Pick<Reporter, 'info' | 'warn'>;
  /** True if this system has `caffeinate`. */
  isMac?: boolean;
  program?: string;
  env?: NodeJS.ProcessEnv;
  leaseMs?: number;
  lingerMs?: number;
}

export class KeepAwake {
  readonly #options: KeepAwakeOptions;
  readonly #leaseMs: number;
  #isWanted = false;
  #hasWarned = false;
  #current: ChildProcess | undefined;
  #renewal: NodeJS.Timeout | undefined;
  #linger: NodeJS.Timeout | undefined;

  constructor(options: KeepAwakeOptions) {
    this.#options = options;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
  }

  /** The sentence for `--verbose`. */
  get description(): string {
    if (this.#options.mode === 'never') return 'The machine may sleep while a job runs.';
    if (!this.#isMac) return 'Only a Mac can be kept awake; this machine may sleep while a job runs.';
    const when = this.#options.mode === 'ac' ? ' on mains power' : '';
    return `The machine stays awake${when} while a job runs.`;
  }

  /** Call this when the first job begins. */
  busy(): void {
    const { mode } = this.#options;
    if (mode === 'never' || !this.#isMac) return;
    clearTimeout(this.#linger);
    this.#isWanted = true;
    if (this.#current === undefined) this.#start(FLAGS[mode]);
  }

  /** Call this when the last job has ended. */
  idle(): void {
    clearTimeout(this.#linger);
    if (!this.#isWanted) return;
    this.#linger = setTimeout(() => this.close(), this.#options.lingerMs ?? LINGER_MS).unref();
  }

  /** Lets the machine sleep at once. */
  close(): void {
    this.#isWanted = false;
    clearTimeout(this.#linger);
    clearTimeout(this.#renewal);
    this.#current?.kill();
    this.#current = undefined;
  }

  get #isMac(): boolean {
    return this.#options.isMac ?? process.platform === 'darwin';
  }

  #start(flags: string): void {
    const { program = '/usr/bin/caffeinate', env = process.env } = this.#options;
    const words = [flags, '-w', String(process.pid), '-t', String(Math.ceil(this.#leaseMs / 1000))];
    // Start the process in its own process group, because Ctrl-C in the terminal must reach only the runner, which may still finish its
    // job.
    const started = spawn(program, words, { env, stdio: 'ignore', detached: true });
    started.unref();
    started.once('error', (error) => this.#giveUp(started, error.message));
    started.once('exit', (code, signal) => {
      if (this.#current !== started) return;
      this.#current = undefined;
      // If another process ended it, start it again. If it exited by itself, its time was over and the renewal follows.
      if (signal !== null) this.#start(flags);
      else if (code !== 0) this.#giveUp(started, `it ended with exit code ${code}`);
    });
    this.#current?.kill();
    this.#current = started;
    this.#renewLater(flags);
  }

  /** Starts the next process before the time of the current one is over. */
  #renewLater(flags: string): void {
    clearTimeout(this.#renewal);
    this.#renewal = setTimeout(() => this.#isWanted && this.#start(flags), this.#leaseMs * 0.8).unref();
  }

  #giveUp(started: ChildProcess, why: string): void {
    if (this.#current === started) this.#current = undefined;
    clearTimeout(this.#renewal);
    if (!this.#hasWarned) {
      this.#options.reporter.warn(
        `The machine may sleep while a job runs: caffeinate does not work (${why}).`,
      );
    }
    this.#hasWarned = true;
  }
}
