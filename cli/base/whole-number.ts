/** Whole-number options. Their help and errors name the allowed range. */

import { InvalidArgumentError, Option } from 'commander';

export interface WholeNumber {
  /** Flags in commander's syntax: `--limit <count>`. */
  flags: string;
  description: string;
  min: number;
  max: number;
  default?: number;
  /** If true, smaller numbers are raised to `min`, as in v0.4.4. Scripts rely on this behavior. */
  raisesLow?: boolean;
}

/** The help omits a range that ends at this number, because the range does not help a person. */
const NO_LIMIT = 1e12;

/** Builds the option. A value outside the range is a usage error (exit 2). */
export function wholeNumberOption({ flags, description, min, max, raisesLow, ...rest }: WholeNumber): Option {
  const range = `${min} to ${max}`;
  const shown = max < NO_LIMIT ? ` (${range}${raisesLow ? `; lower values become ${min}` : ''})` : '';
  const option = new Option(flags, `${description}${shown}`);
  if (rest.default !== undefined) option.default(rest.default);
  return option.argParser((word: string) => {
    const number = /^-?\d{1,15}$/.test(word.trim()) ? Number(word) : Number.NaN;
    if (number >= min && number <= max) return number;
    if (raisesLow && number < min) return min;
    throw new InvalidArgumentError(`It must be a whole number from ${range}.`);
  });
}

/** The longest wait, in seconds: one day. A timer can hold at most 2^31 - 1 ms. */
export const MOST_WAIT_SECONDS = 24 * 60 * 60;
