/** Describes for people what is wrong with a value. Uses the code of zod's issue, never its message. */

import type { z } from 'zod/mini';

export type Issue = z.core.$ZodIssue;

/** Returns the end of a sentence about the field, without the period, such as `must be a number`. */
export function issueWords(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is missing' : `must be ${aType(issue.expected)}`;
    case 'too_big':
      return isNumber(issue.origin)
        ? `must be at most ${issue.maximum}`
        : `may have at most ${counted(issue.maximum, issue.origin)}`;
    case 'too_small':
      if (isNumber(issue.origin)) return `must be at least ${issue.minimum}`;
      if (issue.origin === 'string' && Number(issue.minimum) === 1) return 'must not be blank';
      return `needs at least ${counted(issue.minimum, issue.origin)}`;
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`;
    case 'unrecognized_keys':
      return 'is not a field of this request';
    case 'invalid_format':
      return issue.format === 'datetime'
        ? 'must be a time such as 2026-04-01T10:00:00Z'
        : unended(issue.message);
    default:
      return unended(issue.message);
  }
}

function aType(expected: string): string {
  if (expected === 'int') return 'a whole number';
  return /^[aeiou]/.test(expected) ? `an ${expected}` : `a ${expected}`;
}

function isNumber(origin: string): boolean {
  return origin === 'number' || origin === 'int';
}

/** A number of characters of a text, or of entries of a list. */
function counted(count: number | bigint, origin: string): string {
  if (origin === 'string') return count === 1 ? '1 character' : `${count} characters`;
  return count === 1 ? '1 entry' : `${count} entries`;
}

function unended(text: string): string {
  return text.replace(/\.$/, '');
}
