/** The time limit of a turn that goes on without its runner. */

import { expect, it } from 'vitest';
import { leftOf } from '../../../../cli/runner/loop/adopted-jobs.ts';

const AT = Date.parse('2026-04-01T10:00:00Z');
const at_utc = new Date(AT).toISOString();

it.each<[string, number | undefined, [number, number]]>([
  ['keeps what is left of its limit', 90_000, [30_000, 60_000]],
  ['is stopped soon after the limit has passed', 90_000, [100_000, 1000]],
  ['keeps its whole limit after the clock was set back', 90_000, [-50_000, 90_000]],
  ['has an hour where no limit was noted', undefined, [60_000, 59 * 60_000]],
])('a turn of an earlier runner %s', (_, limit_ms, [passed, left]) => {
  expect(leftOf({ at_utc, limit_ms }, AT + passed)).toBe(left);
});
