/** The benchmark of wake-ups must be able to fail: it measures nothing if a job also starts without a wake-up. */

import { describe, expect, it } from 'vitest';
import { run } from '../bench/wake.ts';

const OPTIONS = { machines: 1, jobs: 1, seed: undefined, d1Ms: 0, objectMs: 0, edgeMs: 0, isQuiet: false };

describe('the benchmark of wake-ups', () => {
  it('fails if the object hears of a job and does not wake the runner', { timeout: 60_000 }, async () => {
    const measuring = run({ ...OPTIONS, isWakeOff: true, say: () => undefined });
    await expect(measuring).rejects.toThrow(/no wake-up arrived/);
  });
});
