/** Waiting that can be ended early, and pauses between tries. */

/** What a timer of the platform can hold, 24.8 days. A longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A time that a timer takes as it is meant: never less than 0, never more than it can hold. */
export function timerMs(ms: number): number {
  return Math.min(Math.max(0, ms), LONGEST_TIMER_MS);
}

/** Waits, 24.8 days at most; an aborted signal ends the wait at once. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, timerMs(ms));
    signal?.addEventListener('abort', finish, { once: true });
  });
}

/** Settles with the promise, however it ends, or when the signal aborts. */
export function settledOr(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = () => {
      signal.removeEventListener('abort', finish);
      resolve();
    };
    signal.addEventListener('abort', finish, { once: true });
    promise.then(finish, finish);
  });
}

/**
 * Full jitter: anywhere between nothing and a limit that doubles with each try.
 * @param backoff `attempt` counts from 1
 * @param random in [0, 1)
 */
export function fullJitter(
  backoff: { attempt: number; firstMs: number; limitMs: number },
  random: number,
): number {
  const limit = Math.min(backoff.limitMs, backoff.firstMs * 2 ** Math.max(0, backoff.attempt - 1));
  return Math.round(limit * random);
}

/** 1 s doubling to 60 s: soon enough for a restart of the service, rare enough for an outage of a night. */
const RETRY_FIRST_MS = 1000;
const RETRY_LIMIT_MS = 60_000;

/** The pause before try number `attempt + 1`; full jitter, but never so short that it is a loop. */
export function retryPauseMs(attempt: number, random: number = Math.random()): number {
  return Math.max(100, fullJitter({ attempt, firstMs: RETRY_FIRST_MS, limitMs: RETRY_LIMIT_MS }, random));
}
