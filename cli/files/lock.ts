/**
 * Allows one writer at a time. Every read-modify-write of state files holds the lock of their folder. Callers in this process
 * queue; a lock folder excludes other processes. The lock of a crashed holder expires after five seconds.
 */

import { join } from 'node:path';
import { CliError } from '../base/exit.ts';
import { hasCode } from '../base/system-error.ts';
import { makeFolder } from './private-folder.ts';

/** A lock without a refresh for this long has expired. Holders need milliseconds. */
const STALE_MS = 5_000;
const REFRESH_MS = 1_000;
/** The number of tries. Each waits 20 to 60 ms, so all of them take longer than `STALE_MS`, after which a crashed holder's lock expires. */
const TRIES = 300;

const queues = new Map<string, Promise<unknown>>();

/** Runs `work` as the only writer of `folder`. Creates the folder if needed. */
export async function withLock<T>(folder: string, work: () => T | Promise<T>): Promise<T> {
  const before = queues.get(folder) ?? Promise.resolve();
  const turn = before.then(() => holdLock(folder, work));
  const settled = turn.catch(() => undefined);
  queues.set(folder, settled);
  try {
    return await turn;
  } finally {
    if (queues.get(folder) === settled) queues.delete(folder);
  }
}

async function holdLock<T>(folder: string, work: () => T | Promise<T>): Promise<T> {
  const release = await acquire(folder);
  try {
    return await work();
  } finally {
    // If the lock has expired, another process owns it now.
    await release().catch(() => undefined);
  }
}

/** Waits only for other holders. A full disk or a missing permission fails immediately. */
async function acquire(folder: string): Promise<() => Promise<void>> {
  // Load this on demand, because most commands only read.
  const { lock } = await import('proper-lockfile');
  makeFolder(folder);
  for (let tries = 1; ; tries += 1) {
    try {
      return await lock(folder, {
        lockfilePath: join(folder, '.lock'),
        realpath: false,
        stale: STALE_MS,
        update: REFRESH_MS,
        // Writes are atomic: a holder whose lock expired can lose an update, but cannot damage a file.
        onCompromised: () => undefined,
      });
    } catch (error) {
      if (!hasCode(error, 'ELOCKED')) throw error;
      if (tries === TRIES) throw isLocked(folder, error);
    }
    await new Promise((again) => setTimeout(again, 20 + 40 * Math.random()));
  }
}

function isLocked(folder: string, cause: unknown): CliError {
  return new CliError(`Another process has locked the state files in ${folder}.`, {
    code: 'locked',
    hint: `Wait for the other \`orp\` to finish. If no other \`orp\` runs, remove the folder ${join(folder, '.lock')}.`,
    cause,
  });
}
