/**
 * What is sent again, and when. The one place that knows.
 *
 * | what came back                                     | row that may be repeated | other rows |
 * | -------------------------------------------------- | ------------------------ | ---------- |
 * | the server is busy, or asks to wait                | again                    | stop       |
 * | 429 or 5xx in a sentence without a code            | again                    | stop       |
 * | somebody else's answer, whatever its status        | again                    | stop       |
 * | network failed, timed out                          | again                    | stop       |
 * | any other refusal                                  | stop                     | stop       |
 */

import { RETRYABLE } from '../../spec/errors.ts';
import type { ServerError } from './server-error.ts';

export interface RetryPolicy {
  /** Tries in all, the first included. */
  tries: number;
  /** Upper bound of the first pause; it doubles with each try. */
  firstMs: number;
  /** Upper bound of any pause, also one the server asks for. */
  limitMs: number;
}

/** For a command somebody waits for: over in a few seconds. */
export const DEFAULT_RETRY: RetryPolicy = { tries: 4, firstMs: 250, limitMs: 5_000 };

/** For calls that stand in a loop with a patience of its own. */
export const NO_RETRY: RetryPolicy = { tries: 1, firstMs: 0, limitMs: 0 };

const RETRYABLE_CODES: ReadonlySet<string> = RETRYABLE;

/** Whether the very same request may succeed when it is sent again. */
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
 * Whether the failure is an outage for somebody who waits: everything but a refusal that the server signed and would repeat.
 */
export function isOutage(error: ServerError): boolean {
  return error.kind === 'unsigned' || isWorthRepeating(error);
}

/**
 * The pause before the next try, or undefined to stop. Full jitter: clients that failed together do not come back together.
 * @param failed the try that failed, counted from 1
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
