/** Waits that can end early, and pauses between retries. */

/** The longest timer that Node supports, 24.8 days. A longer timer would fire immediately. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Limits a time to the range that a timer supports. */
export function timerMs(ms: number): number {
  return Math.min(Math.max(0, ms), LONGEST_TIMER_MS);
}

/** Waits, at most 24.8 days. Aborting the signal ends the wait. */
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

/** Resolves when the promise settles or the signal aborts. */
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
 * Full jitter: a random pause between 0 and a limit that doubles with each attempt.
 * @param backoff `attempt` starts at 1
 * @param random in [0, 1)
 */
export function fullJitter(
  backoff: { attempt: number; firstMs: number; limitMs: number },
  random: number,
): number {
  const limit = Math.min(backoff.limitMs, backoff.firstMs * 2 ** Math.max(0, backoff.attempt - 1));
  return Math.round(limit * random);
}

/** 1 s, doubling to 60 s: fast after a server restart, and gentle during an outage of hours. */
const RETRY_FIRST_MS = 1000;
const RETRY_LIMIT_MS = 60_000;

/** The pause before attempt `attempt + 1`: full jitter with a minimum, so that retries never spin. */
export function retryPauseMs(attempt: number, random: number = Math.random()): number {
  return Math.max(100, fullJitter({ attempt, firstMs: RETRY_FIRST_MS, limitMs: RETRY_LIMIT_MS }, random));
}
