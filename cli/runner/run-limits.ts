/**
 * How long an agent may run, and how long it may be silent. The clock behind both stands still while the machine sleeps,
 * so an agent is never stopped for a night with the lid closed.
 */

import type { StopReason } from './stop-switch.ts';

/** 60 minutes, unless the job says otherwise: long enough for real work, short enough for a hanging tool. */
export const DEFAULT_TIME_LIMIT_MS = 60 * 60_000;
/** 30 minutes without a byte of output: a long build is shorter, and what hangs longer than this hangs for ever. */
export const DEFAULT_SILENCE_LIMIT_MS = 30 * 60_000;

export interface Limits {
  limitMs: number;
  /** 0: it may be silent as long as it runs. */
  silenceMs: number;
}

export class RunLimits {
  readonly #ask: (reason: StopReason) => void;
  readonly #silenceMs: number;
  readonly #timeTimer: NodeJS.Timeout;
  #silenceTimer: NodeJS.Timeout | undefined;
  #heardAt = performance.now();

  constructor({ limitMs, silenceMs }: Limits, ask: (reason: StopReason) => void) {
    this.#ask = ask;
    this.#silenceMs = silenceMs;
    this.#timeTimer = setTimeout(() => ask({ kind: 'time_limit', limitMs }), limitMs);
    if (silenceMs > 0) this.#listenFor(silenceMs);
  }

  /** The agent printed something. Cheap: the timer is not touched, it looks at the time when it fires. */
  heard(): void {
    this.#heardAt = performance.now();
  }

  dispose(): void {
    clearTimeout(this.#timeTimer);
    clearTimeout(this.#silenceTimer);
  }

  #listenFor(ms: number): void {
    this.#silenceTimer = setTimeout(() => {
      const leftMs = this.#heardAt + this.#silenceMs - performance.now();
      if (leftMs > 0) this.#listenFor(Math.ceil(leftMs));
      else this.#ask({ kind: 'silence', limitMs: this.#silenceMs });
    }, ms);
  }
}
