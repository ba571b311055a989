/** The session files on the disk: `sessions/YYYY/MM/DD/rollout-<time>-<id>.jsonl` in the home of Codex. */

import { execFile } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface SessionDisk {
  /** The paths of the files. */
  files(): string[];
  /** Returns when the file was last changed, in epoch ms. Codex writes to the file in every turn. */
  changedAt(path: string): number;
  /** Reads bytes from a position. Returns fewer bytes at the end of the file, and no bytes if the file cannot be read. */
  read(path: string, at: number, bytes: number): Buffer;
  /** Returns whether a program has the session open. */
  isOpen(sessionId: string): boolean;
}

export function openDisk(home: string): SessionDisk {
  return {
    files: () => filesIn(join(home, 'sessions'), 3),
    changedAt: (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0,
    read: readPart,
    isOpen: (sessionId) => {
      const lock = join(home, 'thread-writer-locks', `${sessionId}.lock`);
      return existsSync(lock) && (isLocked(lock) ?? true);
    },
  };
}

/**
 * Returns whether a program holds the lock on the file. A program that was killed leaves the file behind, but not the lock.
 * Undefined if the system does not list its locks.
 */
export function isLocked(path: string): boolean | undefined {
  try {
    const { ino } = statSync(path);
    // "1: FLOCK  ADVISORY  WRITE 7163 fe:00:2367447 0 EOF"
    return new RegExp(`:${ino} `).test(readFileSync('/proc/locks', 'utf8'));
  } catch {
    return undefined;
  }
}

/** Like {@link isLocked}, for systems that only list which programs have a file open. Slower. */
export function isOpenFile(path: string, lsof = '/usr/sbin/lsof'): Promise<boolean | undefined> {
  return new Promise((settle) => {
    execFile(lsof, ['-w', '-t', '--', path], { timeout: LSOF_LIMIT_MS }, (error, pids, complaint) => {
      if (error === null) settle(pids.trim() !== '');
      else settle(error.code === 1 && `${pids}${complaint}`.trim() === '' ? false : undefined);
    });
  });
}

const LSOF_LIMIT_MS = 5000;

/**
 * Returns whether a home of Codex has a session, by the names of the files. Undefined in a home without sessions: it may not
 * be the one that the runner uses.
 */
export function findInHome(home: string, sessionId: string): 'known' | 'archived' | 'missing' | undefined {
  const ending = `-${sessionId}.jsonl`;
  const files = filesIn(join(home, 'sessions'), 3);
  if (files.some((path) => path.endsWith(ending))) return 'known';
  if (filesIn(join(home, 'archived_sessions'), 0).some((path) => path.endsWith(ending))) return 'archived';
  return files.length === 0 ? undefined : 'missing';
}

/** Regular files only: a pipe would block its reader. */
function filesIn(folder: string, depth: number): string[] {
  const entries = listFolder(folder);
  if (depth === 0) {
    return entries
      .filter((entry) => entry.isFile() && /^rollout-.*\.jsonl$/.test(entry.name))
      .map((entry) => `${folder}/${entry.name}`);
  }
  return entries
    .filter((entry) => entry.isDirectory() && /^\d+$/.test(entry.name))
    .flatMap((entry) => filesIn(`${folder}/${entry.name}`, depth - 1));
}

function listFolder(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    // Missing, or not readable by this user.
    return [];
  }
}

function readPart(path: string, at: number, bytes: number): Buffer {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const buffer = Buffer.allocUnsafe(bytes);
    return buffer.subarray(0, readSync(file, buffer, 0, bytes, at));
  } catch {
    // The file was removed in the meantime, or this user cannot read it.
    return Buffer.alloc(0);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
