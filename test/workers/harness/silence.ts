/** D1 gives no answer, for as long as `work` takes; the timers of Worker and objects run many times faster than they say. */

import { vi } from 'vitest';
import { withFault } from './d1-meter.ts';

const FASTER = 20;
/** Nothing waits this long, on any machine. */
const GIVE_UP_MS = 20_000;

export interface Silence {
  /** Waits for an answer. `waitedMs`: how long timers ran out for it; what the machine needs does not count. */
  answer<T>(work: Promise<T>): Promise<{ value: T; waitedMs: number }>;
  /** What was held back is sent now. */
  end(): void;
}

/** `isHeld`: which statements; all of them without it. */
export async function whileSilent<T>(
  work: (silence: Silence) => Promise<T>,
  isHeld: (sql: string) => boolean = () => true,
): Promise<T> {
  const real = globalThis.setTimeout;
  let spans: Span[] = [];
  const faster = (run: () => void, ms = 0) => {
    const from = performance.now();
    return real(() => {
      spans.push({ from, to: from + ms / FASTER });
      run();
    }, ms / FASTER);
  };
  let isSilent = true;
  const end = () => {
    isSilent = false;
  };
  // Each request waits by itself: one cannot be woken by another.
  const untilHeard = async () => {
    while (isSilent) await scheduler.wait(5);
  };
  const answer = async <Value>(asked: Promise<Value>) => {
    spans = [];
    const never = scheduler.wait(GIVE_UP_MS).then(() => {
      throw new Error(`no answer within ${GIVE_UP_MS} ms`);
    });
    return { value: await Promise.race([asked, never]), waitedMs: FASTER * lengthOf(spans) };
  };
  vi.stubGlobal('setTimeout', faster);
  try {
    const fault = { hold: (sql: string) => (isHeld(sql) ? untilHeard() : undefined) };
    return await withFault(fault, () => work({ answer, end }));
  } finally {
    vi.unstubAllGlobals();
    end();
  }
}

interface Span {
  from: number;
  to: number;
}

/** What the spans cover together. */
function lengthOf(spans: readonly Span[]): number {
  let length = 0;
  let end = 0;
  for (const { from, to } of spans.toSorted((one, other) => one.from - other.from)) {
    length += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return length;
}
