/** Which failures pass by themselves: the same request may succeed in a moment. */

import { DatabaseUnavailable } from '../store/database.ts';

/** D1 or an object that is overloaded, restarting or out of reach. Over RPC only name and fields of an error survive. */
export function isPassingFailure(error: unknown): boolean {
  if (error instanceof DatabaseUnavailable) return true;
  const { name, retryable, overloaded } = error as {
    name?: string;
    retryable?: boolean;
    overloaded?: boolean;
  };
  return name === 'DatabaseUnavailable' || retryable === true || overloaded === true;
}
