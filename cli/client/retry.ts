/**
 * What is sent again, and when. The one place that knows.
 *
 * | what came back            | idempotent row          | other rows |
 * | ------------------------- | ----------------------- | ---------- |
 * | 429, 5xx                  | again                   | stop       |
 * | network failed, timed out | again                   | stop       |
 * | 2xx that cannot be read   | again: it was lost      | stop       |
 * | anything else             | stop                    | stop       |
 */

import type { ServiceError } from './service-error.ts';

export interface RetryPolicy {
  /** Tries in all, the first included. */
  tries: number;
  /** Upper bound of the first pause; it doubles with each try. */
  firstMs: number;
  /** Upper bound of any pause, also one the service asks for. */
  limitMs: number;
}

/** For a command somebody waits for: over in a few seconds. */
export const DEFAULT_RETRY: RetryPolicy = { tries: 4, firstMs: 250, limitMs: 5_000 };

/** For calls that stand in a loop with a patience of its own. */
export const NO_RETRY: RetryPolicy = { tries: 1, firstMs: 0, limitMs: 0 };

/** Whether the very same request may succeed when it is sent again. */
export function isWorthRepeating(error: ServiceError): boolean {
  switch (error.kind) {
    case 'network':
    case 'undecodable':
      return true;
    case 'refused':
      return error.status === 429 || error.status >= 500;
  }
}

/**
 * The pause before the next try, or undefined to stop. Full jitter: clients that failed together do not come back together.
 * @param failed the try that failed, counted from 1
 * @param random in [0, 1)
 */
export function pauseBeforeRetry(
  error: ServiceError,
  next: { failed: number; idempotent: boolean; policy: RetryPolicy },
  random: number,
): number | undefined {
  const { failed, idempotent, policy } = next;
  if (!idempotent || failed >= policy.tries || !isWorthRepeating(error)) return undefined;
  if (error.retryAfterMs !== undefined && error.retryAfterMs > policy.limitMs) return undefined;
  const bound = Math.min(policy.limitMs, policy.firstMs * 2 ** (failed - 1));
  return Math.max(error.retryAfterMs ?? 0, Math.round(bound * random));
}
