/**
 * One writer at a time. Every read-modify-write of state files happens under the lock of their folder; within this
 * process callers queue, between processes a lock folder decides. A crashed holder is overtaken after five seconds.
 */

import { join } from 'node:path';
import { CliError } from '../base/exit.ts';
import { hasCode } from '../base/system-error.ts';
import { makeFolder } from './private-folder.ts';

/** A holder that does not refresh its lock for this long is gone: holders need milliseconds. */
const STALE_MS = 5_000;
const REFRESH_MS = 1_000;
/** 20 to 60 ms each; together well above `STALE_MS`, so that a crashed holder is always outwaited. */
const TRIES = 300;

const queues = new Map<string, Promise<unknown>>();

/** Runs `work` as the only writer of `folder`, which is made when it is missing. */
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
    // A lock that was overtaken meanwhile is no longer ours to release.
    await release().catch(() => undefined);
  }
}

/** Only for another holder it is waited: a full disk or a lost permission is told at once, as what it is. */
async function acquire(folder: string): Promise<() => Promise<void>> {
  // Loaded late: most commands only read.
  const { lock } = await import('proper-lockfile');
  makeFolder(folder);
  for (let tries = 1; ; tries += 1) {
    try {
      return await lock(folder, {
        lockfilePath: join(folder, '.lock'),
        realpath: false,
        stale: STALE_MS,
        update: REFRESH_MS,
        // Writes are atomic: an overtaken holder can lose an update, it cannot damage a file.
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
  return new CliError(`The state files in ${folder} are locked by another process.`, {
    code: 'locked',
    hint: `Wait for the other \`orp\` to finish. If there is none, remove the folder ${join(folder, '.lock')}.`,
    cause,
  });
}
