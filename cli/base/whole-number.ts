/** Options that take a whole number. Each has a range, which its help and its error name. */

import { InvalidArgumentError, Option } from 'commander';

export interface WholeNumber {
  /** As commander takes them: `--limit <count>`. */
  flags: string;
  description: string;
  min: number;
  max: number;
  default?: number;
  /** v0.4.4 took a smaller number for the smallest; scripts rely on it. */
  raisesLow?: boolean;
}

/** The option. A word that is no whole number in its range is wrong usage (exit 2). */
export function wholeNumberOption({ flags, description, min, max, raisesLow, ...rest }: WholeNumber): Option {
  const range = `${min} to ${max}`;
  const option = new Option(flags, `${description} (${range}${raisesLow ? `; less counts as ${min}` : ''})`);
  if (rest.default !== undefined) option.default(rest.default);
  return option.argParser((word: string) => {
    const number = /^-?\d{1,15}$/.test(word.trim()) ? Number(word) : Number.NaN;
    if (number >= min && number <= max) return number;
    if (raisesLow && number < min) return min;
    throw new InvalidArgumentError(`It must be a whole number from ${range}.`);
  });
}

/** Seconds that a person may wait for something: a day. Far below what a timer can hold (2^31 - 1 ms). */
export const MOST_WAIT_SECONDS = 24 * 60 * 60;
