/** Notices a dead link: nothing was heard for 2.5 keep-alives, although the other side sends one every 15 s. */

import { DEAD_AFTER_MS } from '../../../spec/transport/events.ts';

export class SilenceWatch {
  readonly #onDead: () => void;
  readonly #limitMs: number;
  #timer: NodeJS.Timeout;

  constructor(onDead: () => void, limitMs = DEAD_AFTER_MS) {
    this.#onDead = onDead;
    this.#limitMs = limitMs;
    this.#timer = setTimeout(onDead, limitMs);
  }

  /** Something was heard. */
  heard(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onDead, this.#limitMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
