/** Whether a local server serves from a folder now: two programs must not write into one database. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { check } from 'proper-lockfile';

/** A lock older than this belongs to a server that was killed. */
export const LOCK_STALE_MS = 10_000;

/** The lock that a server holds while it runs. */
export function servingLock(folder: string): string {
  return join(folder, 'serving.lock');
}

export async function isServing(folder: string): Promise<boolean> {
  if (!existsSync(folder)) return false;
  return check(folder, { stale: LOCK_STALE_MS, lockfilePath: servingLock(folder) });
}
