/**
 * Ends waits of the runner early: after a wake-up from the server or the machine, after a sign-in, or when the runner exits.
 */

import { pause, settledOr } from '../../base/pause.ts';
import type { LocalState } from '../job/work-context.ts';

/** Waits for the next poll: for a timer, or for a wake-up from the server. */
export interface Waiter {
  /** Settles with the reason for the next poll. Settles with undefined if the signal aborts. */
  nextPoll(signal: AbortSignal): Promise<string | undefined>;
  /** Requests a poll now. */
  poll(): void;
  /** Replaces the connection, which may be dead after a sleep or belong to an earlier sign-in. */
  renew(): void;
  close(): void;
}

/** Pauses that end early if another try may succeed. */
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

  /** Settles after the pause, at the next wake-up, or when the runner must exit. */
  pause(ms: number): Promise<void> {
    return pause(ms, this.#signal);
  }

  /** Settles with the promise, at the next wake-up, or when the runner must exit. */
  race(promise: Promise<unknown>): Promise<void> {
    return settledOr(promise, this.#signal);
  }

  get #signal(): AbortSignal {
    return this.#current.signal;
  }
}

/** Short, because a person who has just signed in is watching, and the check reads only one small file. */
const CHECK_EVERY_MS = 1000;

/**
 * Watches for a sign-in or sign-out on this machine. Returns a function that stops watching. Requests always use the current
 * sign-in. An open channel keeps its account, so it must be reopened.
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
