/**
 * Detects a dead connection: no data for 2.5 keep-alives, although the server sends one every 15 s. The server sends the first event
 * immediately, so the limit for the first event is shorter. Without a first event, a proxy may be blocking a protocol that it does not
 * support.
 */

import { DEAD_AFTER_MS, KEEP_ALIVE_MS } from '../../spec/transport/events.ts';

/** The limit for the first event, in ms. It allows for a busy or starting server. */
export const FIRST_WORD_MS = KEEP_ALIVE_MS;

export class SilenceWatch {
  readonly #onDead: () => void;
  #timer: NodeJS.Timeout;

  constructor(onDead: () => void) {
    this.#onDead = onDead;
    this.#timer = setTimeout(onDead, FIRST_WORD_MS);
  }

  /** Call this for each received event. */
  heard(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onDead, DEAD_AFTER_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
