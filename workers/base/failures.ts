/** Which failures are temporary: the same request may succeed in a moment. */

import { DatabaseUnavailable } from '../store/database.ts';

/** Something did not answer in the time that a client has. */
export class TooLate extends Error {
  override readonly name = 'TooLate';

  constructor() {
    super('the request took longer than its client waits');
  }
}

/**
 * D1 or an object is overloaded, restarting or unreachable. Over RPC only the name and the fields of an error
 * survive.
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

/** D1 gave no answer at all: the outage may last. */
export function isSilence(error: unknown): boolean {
  const { name, silent } = error as { name?: string; silent?: boolean };
  return name === 'DatabaseUnavailable' && silent === true;
}
