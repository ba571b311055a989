/**
 * Reads JSON state files without trust, writes them atomically (temp file, fsync, rename) and moves torn files aside.
 * Other programs use these files, too, so their bytes are fixed (`formatJson`).
 */

import {
  chmodSync,
  closeSync,
  fchmodSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { hasCode } from '../base/system-error.ts';
import { realPathOf } from './paths.ts';
import { makeFolder } from './private-folder.ts';

export type JsonObject = Record<string, unknown>;

/** The contents of a state file. `torn`: the file exists but is not a JSON object. */
export type JsonFile = { kind: 'absent' } | { kind: 'read'; value: JsonObject } | { kind: 'torn' };

/** Only the owner may read the file. */
export const PRIVATE_MODE = 0o600;

/** Other clients write a few kilobytes faster than this. */
const TORN_REREAD_MS = 40;

/** Narrows to a JSON object. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The exact bytes of a state file: 2 spaces, non-ASCII escaped, one newline at the end. */
export function formatJson(value: unknown): string {
  const text = JSON.stringify(value, null, 2).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `${text}\n`;
}

/**
 * Reads a state file. Only a missing file is absent; an unreadable one throws the error of the system.
 * Other clients truncate before they write, so a file that looks torn is read a second time.
 */
export function readJsonFile(path: string): JsonFile {
  const first = readOnce(path);
  if (first.kind !== 'torn') return first;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, TORN_REREAD_MS);
  return readOnce(path);
}

function readOnce(path: string): JsonFile {
  const text = readText(path);
  if (text === undefined) return { kind: 'absent' };
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? { kind: 'read', value } : { kind: 'torn' };
  } catch {
    return { kind: 'torn' };
  }
}

/** The JSON object, or undefined if the file is missing or torn. */
export function readJsonObject(path: string): JsonObject | undefined {
  const file = readJsonFile(path);
  return file.kind === 'read' ? file.value : undefined;
}

/** The text of a file, or undefined if it does not exist. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Writes atomically: a power cut leaves the old or the new file. Moves a torn file aside first. */
export function writeJsonFile(path: string, value: unknown, options: WriteOptions = {}): void {
  if (readJsonFile(path).kind === 'torn') setAside(path, options.now ?? Date.now(), options.mode);
  writeTextFile(path, formatJson(value), options.mode);
}

interface WriteOptions {
  mode?: number;
  /** Time for the name of a torn file that is moved aside. */
  now?: number;
}

/**
 * Writes text atomically. Without a mode, the file keeps its mode. Not from a library, because every command loads this: the
 * usual library also loads `node:crypto`, which adds 13 ms to the start.
 */
export function writeTextFile(path: string, text: string, mode?: number): void {
  makeFolder(dirname(path));
  // If the state file is a symlink, replace its target, not the link.
  const target = realPathOf(path) ?? path;
  const kept = mode ?? modeOf(target);
  const temporary = temporaryPath(target);
  const file = openSync(temporary, 'wx', kept ?? 0o666);
  try {
    try {
      // The umask limits the mode of `open`, but not the mode of `chmod`.
      if (kept !== undefined) fchmodSync(file, kept);
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

let temporaryFiles = 0;

/** In the folder of the file, so that the rename stays in one file system. No other writer uses the same name. */
function temporaryPath(path: string): string {
  temporaryFiles += 1;
  return `${path}.${process.pid}-${performance.timeOrigin.toString(36)}-${temporaryFiles}.tmp`;
}

/** Removes the temporary files that killed writers of this file have left. */
export function removeLeftTemporaries(path: string): void {
  const start = `${basename(path)}.`;
  for (const name of readdirSync(dirname(path))) {
    const pid = name.startsWith(start) ? OF_TEMPORARY.exec(name.slice(start.length))?.[1] : undefined;
    if (pid !== undefined && !isRunning(Number(pid))) rmSync(join(dirname(path), name), { force: true });
  }
}

const OF_TEMPORARY = /^([1-9]\d{0,9})-[0-9a-z.]+-\d+\.tmp$/;

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !hasCode(error, 'ESRCH');
  }
}

function modeOf(path: string): number | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? undefined : found.mode & 0o777;
}

/** Moves a torn file aside, so that a person can still read it. Returns its new path. */
export function setAside(path: string, now: number, mode?: number): string {
  const stamp = new Date(now).toISOString().replaceAll(/[:.]/g, '-');
  const kept = `${path}.torn-${stamp}`;
  // A part of a secret is a secret, too.
  if (mode !== undefined) chmodSync(path, mode);
  renameSync(path, kept);
  return kept;
}

/** Returns whether the error means that the file or one of its folders does not exist. */
export function isMissing(error: unknown): boolean {
  return hasCode(error, 'ENOENT', 'ENOTDIR');
}
