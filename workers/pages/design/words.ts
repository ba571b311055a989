/** Converts times, durations and counts to everyday words. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * Returns words such as `3 min ago` or `in 2 h`, or the date if it is more than a week away. `live.js` has the same
 * rule.
 */
export function relativeWords(at: number, now: number): string {
  const distance = Math.abs(at - now);
  if (distance >= 7 * DAY) return dateWords(at);
  const words = durationWords(distance);
  if (distance < 5000) return 'just now';
  return at > now ? `in ${words}` : `${words} ago`;
}

/** Returns a duration in the largest unit that fits. */
export function durationWords(ms: number): string {
  if (ms < MINUTE) return `${Math.floor(ms / 1000)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  return ms < DAY ? `${Math.floor(ms / HOUR)} h` : `${Math.floor(ms / DAY)} d`;
}

/** Returns the length of a run, exact to the second. */
export function lengthWords(ms: number): string {
  if (ms < 1000) return 'less than a second';
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < MINUTE) return `${Math.round(ms / 1000)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ${Math.floor((ms % MINUTE) / 1000)} s`;
  return `${Math.floor(ms / HOUR)} h ${Math.floor((ms % HOUR) / MINUTE)} min`;
}

export function dateWords(at: number): string {
  return new Date(at).toLocaleDateString('en-GB', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    timeZone: 'UTC',
  });
}

/** Returns a time in UTC, exact to the second. */
export function exactWords(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? noun : plural}`;
}
