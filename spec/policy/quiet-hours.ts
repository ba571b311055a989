/**
 * Quiet hours in local time. The caller passes weekday and minute in the local time zone. When the clock is set forward, the
 * skipped minutes do not occur. When it is set back, the repeated minutes are quiet twice.
 */

import { type QuietSpan, WEEKDAYS } from '../local/policy.ts';

/** A moment in local time. */
export interface WallTime {
  /** 0 is Sunday. */
  weekday: number;
  /** Minutes since midnight, 0 to 1439. */
  minute: number;
}

const MINUTES_OF_DAY = 24 * 60;

/** Returns the first span that contains the moment, or undefined. */
export function quietSpanAt(spans: readonly QuietSpan[] | undefined, at: WallTime): QuietSpan | undefined {
  return spans?.find((span) => isWithin(span, at));
}

/** Returns the number of minutes until the span that contains the moment ends. */
export function minutesLeft(span: QuietSpan, { minute }: WallTime): number {
  const left = minuteOf(span.to) - minute;
  return left > 0 ? left : left + MINUTES_OF_DAY;
}

/** `22:00 to 07:00 (fri, sat)`. */
export function describeSpan(span: QuietSpan): string {
  return `${span.from} to ${span.to}${span.days === undefined ? '' : ` (${span.days.join(', ')})`}`;
}

/** Returns whether a span contains the moment. The end of the span is not part of it. */
function isWithin(span: QuietSpan, { weekday, minute }: WallTime): boolean {
  const from = minuteOf(span.from);
  const to = minuteOf(span.to);
  if (from < to) return beginsOn(span, weekday) && minute >= from && minute < to;
  // The span crosses midnight: check the evening of this day and the morning after the previous day.
  return (beginsOn(span, weekday) && minute >= from) || (beginsOn(span, (weekday + 6) % 7) && minute < to);
}

function beginsOn({ days }: QuietSpan, weekday: number): boolean {
  const name = WEEKDAYS[weekday];
  return days === undefined || (name !== undefined && days.includes(name));
}

function minuteOf(clock: string): number {
  const [hours = 0, minutes = 0] = clock.split(':').map(Number);
  return hours * 60 + minutes;
}
