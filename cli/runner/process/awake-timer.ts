/**
 * A timer that counts only while this machine is awake. The timers of the platform do not: on macOS they run through
 * sleep, and all fire when the lid is opened. So time is counted in short steps, and a step that took far too long
 * counts for what it should have been.
 */

import { JUMP_MS } from './sleep-watch.ts';

/** Five seconds at most are lost or gained by a sleep. */
const STEP_MS = 5_000;

export class AwakeTimer {
  readonly #ms: number;
  readonly #onDue: () => void;
  readonly #steadyNow: () => number;
  #leftMs: number;
  #countedAt: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number, onDue: () => void, steadyNow: () => number = () => performance.now()) {
    this.#ms = ms;
    this.#onDue = onDue;
    this.#steadyNow = steadyNow;
    this.#leftMs = ms;
    this.#countedAt = steadyNow();
    this.#step();
  }

  /** From now on the whole time again. Cheap: the step that is under way goes on. */
  restart(): void {
    this.#leftMs = this.#ms;
    this.#countedAt = this.#steadyNow();
  }

  dispose(): void {
    clearTimeout(this.#timer);
  }

  #step(): void {
    const stepMs = Math.min(this.#leftMs, STEP_MS);
    this.#timer = setTimeout(() => {
      const now = this.#steadyNow();
      const tookMs = now - this.#countedAt;
      this.#countedAt = now;
      this.#leftMs -= tookMs > stepMs + JUMP_MS ? stepMs : tookMs;
      if (this.#leftMs <= 0) this.#onDue();
      else this.#step();
    }, Math.ceil(stepMs));
  }
}
