/**
 * Time inside workerd is an argument. It stands still until a test moves it, and it lies in the future: alarms that the
 * code sets then never fire by themselves during a run, only when a test fires them.
 */

import { platform } from '../../../workers/base/platform.ts';

/** 2036-07-18T13:20:00Z. */
export const T0 = 2_100_000_000_000;

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

let now = T0;
const lines: string[] = [];

/**
 * Ids end with another digit than 0, so that no job counts for 32 (`kept_jobs`) and every test sees the same rows written.
 * With `isCounted` every id ends with 0.
 */
export function drawIds({ isCounted }: { isCounted: boolean }): void {
  platform.randomBytes = (count) => {
    const bytes = crypto.getRandomValues(new Uint8Array(count));
    bytes[count - 1] = isCounted ? 0 : 1 + ((bytes[count - 1] ?? 0) % 31);
    return bytes;
  };
}

platform.now = () => now;
platform.write = (line) => void lines.push(line);
drawIds({ isCounted: false });

export function currentTime(): number {
  return now;
}

/** Moves the clock of Worker and objects forward. */
export function advance(ms: number): void {
  now += ms;
}

/**
 * Moves the clock to the start time of another day. Each file starts there, whatever ran before it in its worker, because
 * some code depends on the time of day, and on the millisecond (`stored_bytes` counts the orders of one in 32).
 */
export function startOfFile(): void {
  now = T0 + Math.ceil((now - T0) / DAY) * DAY;
}

/** What was logged since the last call. */
export function takeLog(): { event: string; [field: string]: unknown }[] {
  return lines.splice(0).map((line) => JSON.parse(line) as { event: string });
}
