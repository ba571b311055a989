/**
 * How long an agent may run, and how long it may be silent. Both count only while the machine is awake, so an agent is
 * never stopped for a night with the lid closed.
 */

import { AwakeTimer } from '../process/awake-timer.ts';
import type { StopReason } from '../process/stop-switch.ts';

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
  readonly #time: AwakeTimer;
  readonly #silence: AwakeTimer | undefined;

  constructor({ limitMs, silenceMs }: Limits, ask: (reason: StopReason) => void) {
    this.#time = new AwakeTimer(limitMs, () => ask({ kind: 'time_limit', limitMs }));
    if (silenceMs === 0) return;
    this.#silence = new AwakeTimer(silenceMs, () => ask({ kind: 'silence', limitMs: silenceMs }));
  }

  /** The agent printed something. */
  heard(): void {
    this.#silence?.restart();
  }

  dispose(): void {
    this.#time.dispose();
    this.#silence?.dispose();
  }
}
