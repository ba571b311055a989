/** Waiting for what happens, instead of for time to pass. */

import { stat } from 'node:fs/promises';
import { findProcess } from '../../../../cli/runner/process/process-table.ts';

/** Looks again and again until the condition holds; the test's own time limit is the only limit. */
export async function until<T>(
  look: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    await new Promise((again) => setTimeout(again, 10));
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
