/** Recognizes temporary failures, after which the same request may succeed. */

import { DatabaseUnavailable } from '../store/database.ts';

/** The error if the database or an object did not answer in time. */
export class TooLate extends Error {
  override readonly name = 'TooLate';

  constructor() {
    super('the request took longer than its client waits');
  }
}

/**
 * Returns whether D1 or an object is overloaded, restarting or unreachable. RPC keeps only the name and the fields of an
 * error, so the class cannot be checked.
 */
export function isPassingFailure(error: unknown): boolean {
  if (error instanceof DatabaseUnavailable || error instanceof TooLate) return true;
  const { name, retryable, overloaded } = error as {
    name?: string;
    retryable?: boolean;
    overloaded?: boolean;
  };
  return name === 'DatabaseUnavailable' || retryable === true || overloaded === true;
}

/** Returns whether D1 gave no answer at all, which may be a long outage. */
export function isSilence(error: unknown): boolean {
  const { name, silent } = error as { name?: string; silent?: boolean };
  return name === 'DatabaseUnavailable' && silent === true;
}
