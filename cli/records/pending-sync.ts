/**
 * The repositories whose links or sessions have changed since the server last received them. A command notes its repository here before
 * it changes anything, and the next sync that covers the repository removes the note.
 */

import { dirname } from 'node:path';
import { SCHEMA_VERSION } from '../../spec/local/vocabulary.ts';
import { isObject, PRIVATE_MODE, readJsonFile, writeJsonFile } from '../files/json-file.ts';
import { withLock } from '../files/lock.ts';
import { pendingSyncPath } from '../files/paths.ts';

/** The repository roots, each with an identifier of its newest change. */
export type PendingRoots = ReadonlyMap<string, string>;

/** Reads the pending roots. An unreadable file counts as empty, because a complete sync follows sooner or later. */
export function readPending(env: NodeJS.ProcessEnv): PendingRoots {
  const file = readJsonFile(pendingSyncPath(env));
  const roots = file.kind === 'read' ? file.value.project_roots : undefined;
  return new Map(
    Object.entries(isObject(roots) ? roots : {}).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );
}

export function notePending(env: NodeJS.ProcessEnv, roots: readonly string[], now: number): Promise<void> {
  const stamp = `${now}-${process.pid}-${performance.now()}`;
  return change(env, (pending) => new Map([...pending, ...roots.map((root) => [root, stamp] as const)]));
}

/** Removes the notes that have not changed since they were read. */
export function clearPending(env: NodeJS.ProcessEnv, synced: PendingRoots): Promise<void> {
  return change(
    env,
    (pending) => new Map([...pending].filter(([root, stamp]) => synced.get(root) !== stamp)),
  );
}

function change(env: NodeJS.ProcessEnv, next: (pending: PendingRoots) => PendingRoots): Promise<void> {
  const path = pendingSyncPath(env);
  return withLock(dirname(path), () => {
    const roots = Object.fromEntries(next(readPending(env)));
    const record = { schema_version: SCHEMA_VERSION, project_roots: roots };
    writeJsonFile(path, record, { mode: PRIVATE_MODE });
  });
}
