/**
 * Notices a link that is dead: nothing was heard for 2.5 keep-alives, although the other side sends one every 15 s. The
 * first word comes at once, so the wait for it is shorter: a proxy may swallow what it does not understand.
 */

import { DEAD_AFTER_MS, KEEP_ALIVE_MS } from '../../spec/transport/events.ts';

/** How long the first word may take, also from a service that is busy or has just been started. */
export const FIRST_WORD_MS = KEEP_ALIVE_MS;

export class SilenceWatch {
  readonly #onDead: () => void;
  #timer: NodeJS.Timeout;

  constructor(onDead: () => void) {
    this.#onDead = onDead;
    this.#timer = setTimeout(onDead, FIRST_WORD_MS);
  }

  /** Something was heard. */
  heard(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onDead, DEAD_AFTER_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
