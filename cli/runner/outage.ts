/** Says that something does not work once when it begins and once when it is over, however often it was tried. */

import { elapsed } from './status-line.ts';
import type { Talk } from './work-context.ts';

export class Outage {
  readonly #talk: Talk;
  #since: number | undefined;
  #attempt = 0;
  #message = '';

  constructor(talk: Talk) {
    this.#talk = talk;
  }

  /** Notes a failed try and returns which one in a row it was. Another reason is said again. */
  note({ message, isWanted = false }: { message: string; isWanted?: boolean }): number {
    this.#attempt += 1;
    this.#since ??= performance.now();
    if (message !== this.#message) {
      // What the owner wants is no error.
      if (isWanted) this.#talk.note(message);
      else this.#talk.warn(message);
    }
    this.#message = message;
    return this.#attempt;
  }

  /** It works; true when it did not before. */
  end(): boolean {
    if (this.#since === undefined) return false;
    this.#talk.note(`Working again after ${elapsed(performance.now() - this.#since)}.`);
    this.#since = undefined;
    this.#attempt = 0;
    this.#message = '';
    return true;
  }
}
