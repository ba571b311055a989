/** Formats times on axes and in tables, in UTC. */

import type { ChartSpan } from '../../../../spec/overview/stats.ts';

const HOUR = 60 * 60_000;

/** Returns the labels of four times over the span. The last time is now. */
export function timesOf(span: ChartSpan, to: number): string[] {
  const steps = { hour: HOUR / 3, day: 8 * HOUR, week: 56 * HOUR }[span];
  return [3, 2, 1, 0].map((back) => timeWords(span, to - back * steps));
}

/** Formats a time with the precision of the span's points. */
export function timeWords(span: ChartSpan, at: number): string {
  const iso = new Date(at).toISOString();
  if (span !== 'week') return iso.slice(11, 16);
  const day = new Date(at).toLocaleDateString('en-GB', { weekday: 'short', timeZone: 'UTC' });
  return `${day} ${iso.slice(11, 16)}`;
}
