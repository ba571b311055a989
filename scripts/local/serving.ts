/** Checks whether a local server can start: two programs must not use one database or one port. */

import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
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

/** Returns whether a server can listen on this loopback port now. Port 0 is always free. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const probe = createServer();
    probe.once('error', () => answer(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => answer(true)));
  });
}
