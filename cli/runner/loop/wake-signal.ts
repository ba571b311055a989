/** What ends a wait of the runner early: a wake-up from the server or the machine, a sign-in, or the end of the runner. */

import { pause, settledOr } from '../../base/pause.ts';
import type { LocalState } from '../job/work-context.ts';

/** What makes the runner poll: a timer, or a wake-up from the server. */
export interface Waiter {
  /** Settles when it is worth polling; undefined when the signal aborts. */
  nextPoll(signal: AbortSignal): Promise<string | undefined>;
  /** Asks for a poll from outside. */
  poll(): void;
  /** The connection may be out of date: from before a sleep, or of another sign-in. */
  renew(): void;
  close(): void;
}

/** Pauses that end early when it is worth trying again. */
export class WakeSignal {
  readonly #ending: AbortSignal;
  #current = new AbortController();

  constructor(ending: AbortSignal) {
    this.#ending = ending;
    ending.addEventListener('abort', () => this.#current.abort(), { once: true });
  }

  /** Ends all current pauses. */
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

/** A person who has just signed in watches what happens; reading one small file costs nothing. */
const CHECK_EVERY_MS = 1000;

/**
 * Notices a sign-in or sign-out on this machine, and returns what stops watching. Each call uses the current sign-in, but an
 * open channel keeps the account that opened it and would be woken for that account's jobs.
 */
export function startSignInWatch(local: Pick<LocalState, 'watchSignIn'>, onChange: () => void): () => void {
  let isAnother = local.watchSignIn();
  const timer = setInterval(() => {
    if (!isAnother()) return;
    isAnother = local.watchSignIn();
    onChange();
  }, CHECK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
