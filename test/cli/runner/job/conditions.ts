/** Waiting for what happens, instead of for time to pass. */

import { stat } from 'node:fs/promises';
import { findProcess } from '../../../../cli/runner/process/process-table.ts';

/** The pauses between two looks grow to this, because a look can cost a call to the server. */
const LONGEST_PAUSE_MS = 50;

/** Looks again and again until the condition holds; the test's own time limit is the only limit. */
export async function until<T>(
  look: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
    const seen = await look();
    if (seen) return seen;
    await new Promise((again) => setTimeout(again, pauseMs));
  }
}

/** Waits until a file exists. */
export function fileExists(path: string): Promise<true> {
  return until(() =>
    stat(path).then(
      () => true as const,
      () => false,
    ),
  );
}

/** Returns whether a process with this pid runs; one that is dead and only waits for its parent does not. */
export async function isAlive(pid: number): Promise<boolean> {
  const entry = await findProcess(pid);
  return entry !== undefined && !entry.isZombie;
}
