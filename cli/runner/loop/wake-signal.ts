/** Pauses that end early when it is worth trying again: the machine woke up, somebody signed in, or the runner is to end. */

import { pause, settledOr } from '../../base/pause.ts';
import type { LocalState } from '../job/work-context.ts';

export class WakeSignal {
  readonly #ending: AbortSignal;
  #current = new AbortController();

  constructor(ending: AbortSignal) {
    this.#ending = ending;
    ending.addEventListener('abort', () => this.#current.abort(), { once: true });
  }

  /** Ends every pause that is under way. */
  now(): void {
    if (this.#ending.aborted) return;
    const before = this.#current;
    this.#current = new AbortController();
    before.abort();
  }

  /** Settles after the pause, at the next wake, or when the runner is to end. */
  pause(ms: number): Promise<void> {
    return pause(ms, this.#signal);
  }

  /** Settles with the promise, at the next wake, or when the runner is to end. */
  race(promise: Promise<unknown>): Promise<void> {
    return settledOr(promise, this.#signal);
  }

  get #signal(): AbortSignal {
    return this.#current.signal;
  }
}

/** Somebody who has just signed in watches what happens; to read one small file costs nothing. */
const LOOK_EVERY_MS = 1000;

/**
 * Notices that somebody signed in or out on this machine, and returns what stops watching. Calls use the sign-in of their
 * moment, but an open channel keeps the account that opened it and would be woken for that account's jobs.
 */
export function startSignInWatch(local: Pick<LocalState, 'watchSignIn'>, onChange: () => void): () => void {
  let isAnother = local.watchSignIn();
  const timer = setInterval(() => {
    if (!isAnother()) return;
    isAnother = local.watchSignIn();
    onChange();
  }, LOOK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
