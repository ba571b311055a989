import { vi } from 'vitest';

/** Far longer than anything takes here on a slow machine: only what never comes runs into it. */
const PATIENCE_MS = 30_000;

/** Looks again and again until the expectation holds. */
export function eventually<T>(expectation: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(expectation, { timeout: PATIENCE_MS, interval: 20 });
}
