/**
 * Notices that this process did not run for a while, because the lid was closed, the process was stopped, or the clock was
 * set. Timers do not show this: some systems pause them during sleep, others let them all fire afterwards. In every case the
 * old connections and leases may be invalid.
 *
 * Each tick compares both clocks with the period of the timer. The wall clock jumps after every sleep. The steady clock jumps
 * if it continues during sleep, and if the process was stopped.
 */

import { roughDuration } from '../../base/duration.ts';

export interface Clocks {
  /** Epoch ms. A person may change this clock. */
  wallNow(): number;
  /** Never goes back. It may pause while the machine sleeps. */
  steadyNow(): number;
}

const SYSTEM_CLOCKS: Clocks = { wallNow: Date.now, steadyNow: () => performance.now() };

/** The period of the timer. It is short, so that the runner soon notices an invalid lease. A tick costs almost nothing. */
export const TICK_MS = 5_000;

/**
 * A jump of this length is reported. It is longer than the delay of timers on a busy machine, and shorter than the 2.5 keep-alives after
 * which a connection counts as dead.
 */
export const JUMP_MS = 10_000;

export interface SleepWatchOptions {
  /** `goneMs`: how long this process did not run, or how far the clock was set. Negative if the clock was set back. */
  onJump(goneMs: number): void;
  clocks?: Clocks;
}

export class SleepWatch {
  readonly #onJump: (goneMs: number) => void;
  readonly #clocks: Clocks;
  #wallAt: number;
  #steadyAt: number;
  #timer: NodeJS.Timeout | undefined;

  constructor({ onJump, clocks = SYSTEM_CLOCKS }: SleepWatchOptions) {
    this.#onJump = onJump;
    this.#clocks = clocks;
    this.#wallAt = clocks.wallNow();
    this.#steadyAt = clocks.steadyNow();
  }

  /** Starts the ticks. Returns a function that stops them. */
  start(): () => void {
    this.#timer = setInterval(() => this.tick(), TICK_MS);
    this.#timer.unref();
    return () => clearInterval(this.#timer);
  }

  /** Compares the clocks once. */
  tick(): void {
    const wallMs = this.#clocks.wallNow() - this.#wallAt;
    const steadyMs = this.#clocks.steadyNow() - this.#steadyAt;
    this.#wallAt += wallMs;
    this.#steadyAt += steadyMs;
    const goneMs = wallMs < 0 ? wallMs - TICK_MS : Math.max(wallMs, steadyMs) - TICK_MS;
    if (Math.abs(goneMs) >= JUMP_MS) this.#onJump(goneMs);
  }
}

/** Describes a jump for people. */
export function describeJump(goneMs: number): string {
  if (goneMs < 0)
    return `The clock was set back by ${roughDuration(-goneMs)}; checking the leases and the connection.`;
  return `This process did not run for ${roughDuration(goneMs)} (sleep, or a changed clock); checking the leases and the connection.`;
}
