/**
 * Decides which failed requests to retry, and when.
 *
 * | answer                                    | calls that may be repeated | other calls |
 * | ----------------------------------------- | -------------------------- | ----------- |
 * | the server is busy, or asks to wait       | retry                      | stop        |
 * | 429 or 5xx, with a sentence but no code   | retry                      | stop        |
 * | an answer that is not from the server     | retry                      | stop        |
 * | the network failed, or the call timed out | retry                      | stop        |
 * | any other refusal                         | stop                       | stop        |
 */

import { RETRYABLE } from '../../spec/errors.ts';
import type { ServerError } from './server-error.ts';

export interface RetryPolicy {
  /** Maximum number of attempts, including the first. */
  tries: number;
  /** Upper limit of the first pause. It doubles with each attempt. */
  firstMs: number;
  /** Upper limit of any pause, including `Retry-After`. */
  limitMs: number;
}

/** For interactive commands: gives up after a few seconds. */
export const DEFAULT_RETRY: RetryPolicy = { tries: 4, firstMs: 250, limitMs: 5_000 };

/** For calls in a loop that does its own retries. */
export const NO_RETRY: RetryPolicy = { tries: 1, firstMs: 0, limitMs: 0 };

const RETRYABLE_CODES: ReadonlySet<string> = RETRYABLE;

/** Returns whether the same request may succeed if it is repeated. */
function isWorthRepeating({ kind, code, status }: ServerError): boolean {
  switch (kind) {
    case 'network':
    case 'foreign':
      return true;
    case 'refused':
      return RETRYABLE_CODES.has(code);
    case 'unusable':
      return false;
    case 'unsigned':
      return status === 429 || status >= 500;
  }
}

/**
 * Returns whether a waiting caller should treat the failure as an outage: anything except a permanent refusal by the server.
 */
export function isOutage(error: ServerError): boolean {
  return error.kind === 'unsigned' || isWorthRepeating(error);
}

/**
 * The pause before the next attempt, or undefined to stop. Full jitter keeps clients from retrying at the same moment.
 * @param failed number of the failed attempt, starting at 1
 * @param random in [0, 1)
 */
export function pauseBeforeRetry(
  error: ServerError,
  next: { failed: number; mayRepeat: boolean; policy: RetryPolicy },
  random: number,
): number | undefined {
  const { failed, mayRepeat, policy } = next;
  if (!mayRepeat || failed >= policy.tries || !isWorthRepeating(error)) return undefined;
  if (error.retryAfterMs !== undefined && error.retryAfterMs > policy.limitMs) return undefined;
  const bound = Math.min(policy.limitMs, policy.firstMs * 2 ** (failed - 1));
  return Math.max(error.retryAfterMs ?? 0, Math.round(bound * random));
}
