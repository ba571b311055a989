/**
 * The limits for the run time and the silence of an agent. Both count only while the machine is awake, so a closed laptop
 * does not stop an agent.
 */

import { JUMP_MS } from '../process/sleep-watch.ts';
import type { StopReason } from '../process/stop-switch.ts';

/** 60 minutes unless the job sets a limit. Long enough for real work, short enough to end a hanging tool. */
export const DEFAULT_TIME_LIMIT_MS = 60 * 60_000;
/** 30 minutes without output. Even a long build prints something in that time. */
export const DEFAULT_SILENCE_LIMIT_MS = 30 * 60_000;

export interface Limits {
  limitMs: number;
  /** 0 means no limit. */
  silenceMs: number;
}

export class RunLimits {
  readonly #time: AwakeTimer;
  readonly #silence: AwakeTimer | undefined;

  constructor({ limitMs, silenceMs }: Limits, ask: (reason: StopReason) => void) {
    this.#time = new AwakeTimer(limitMs, () => ask({ kind: 'time_limit', limitMs }));
    if (silenceMs === 0) return;
    this.#silence = new AwakeTimer(silenceMs, () => ask({ kind: 'silence', limitMs: silenceMs }));
  }

  /** Call this when the agent has printed something. */
  heard(): void {
    this.#silence?.restart();
  }

  dispose(): void {
    this.#time.dispose();
    this.#silence?.dispose();
  }
}

/** The length of one step. A sleep of the machine changes the measured time by at most one step. */
const STEP_MS = 5_000;

/**
 * A timer that runs only while this machine is awake. Node's timers run through sleep on macOS, and all fire when the lid is
 * opened. This one takes short steps, and a step that took far too long counts as one step.
 */
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

  /** Starts the full time again. Cheap, because the current step continues. */
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
