/**
 * Notices that this process did not run for a while: the lid was closed, the process was stopped, or the time of the
 * machine was set. Timers say nothing about it. Some systems stand them still during sleep, others let them all fire at
 * once; the connections and leases of before are stale either way.
 *
 * A tick compares both clocks with its own period. The wall clock jumps after every sleep; the steady one does on systems
 * that let it run on, and when the process was stopped.
 */

import { roughDuration } from '../../base/duration.ts';

export interface Clocks {
  /** Epoch ms; a person may set it. */
  wallNow(): number;
  /** Never goes back; may stand still while the machine sleeps. */
  steadyNow(): number;
}

const SYSTEM_CLOCKS: Clocks = { wallNow: Date.now, steadyNow: () => performance.now() };

/** Often enough that nothing goes on with a stale lease for long; two comparisons a tick cost nothing. */
export const TICK_MS = 5_000;

/** Well above what a busy machine delays a timer by, well below the two and a half keep-alives of a dead link. */
export const JUMP_MS = 10_000;

export interface SleepWatchOptions {
  /** `goneMs`: how long nothing ran here, or by how much the clock was set; negative when it was set back. */
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

  /** Ticks until it is told to stop. */
  start(): () => void {
    this.#timer = setInterval(() => this.tick(), TICK_MS);
    this.#timer.unref();
    return () => clearInterval(this.#timer);
  }

  /** One comparison. */
  tick(): void {
    const wallMs = this.#clocks.wallNow() - this.#wallAt;
    const steadyMs = this.#clocks.steadyNow() - this.#steadyAt;
    this.#wallAt += wallMs;
    this.#steadyAt += steadyMs;
    const goneMs = wallMs < 0 ? wallMs - TICK_MS : Math.max(wallMs, steadyMs) - TICK_MS;
    if (Math.abs(goneMs) >= JUMP_MS) this.#onJump(goneMs);
  }
}

/** For people. */
export function describeJump(goneMs: number): string {
  if (goneMs < 0)
    return `The clock was set back by ${roughDuration(-goneMs)}; checking the leases and the connection.`;
  return `Nothing ran here for ${roughDuration(goneMs)} (sleep, or a clock that was set); checking the leases and the connection.`;
}
