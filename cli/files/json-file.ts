/**
 * The JSON state files: read without trust, written atomically (temp file, fsync, rename), set aside when torn.
 * Other programs read and write them as well, so their bytes are fixed (`formatJson`).
 */

import {
  chmodSync,
  closeSync,
  fchmodSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { hasCode } from '../base/system-error.ts';
import { realPathOf } from './paths.ts';
import { makeFolder } from './private-folder.ts';

export type JsonObject = Record<string, unknown>;

/** What stands in a state file. `torn`: there is something, but it is not a JSON object. */
export type JsonFile = { kind: 'absent' } | { kind: 'read'; value: JsonObject } | { kind: 'torn' };

/** Only the owner may read the file. */
export const PRIVATE_MODE = 0o600;

/** Writing a few kilobytes takes another client well under this. */
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
 * Reads a state file. Only what is not there counts as absent; an unreadable file is a clear error of the system.
 * Clients of other versions truncate and write: what looks torn is read again before it counts as torn.
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

/** The content of a readable JSON object, else undefined. */
export function readJsonObject(path: string): JsonObject | undefined {
  const file = readJsonFile(path);
  return file.kind === 'read' ? file.value : undefined;
}

/** The text of a file, or undefined when there is none. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** A power cut leaves the old file or the new one, never half of one. A torn file in its place is set aside first. */
export function writeJsonFile(path: string, value: unknown, options: WriteOptions = {}): void {
  if (readJsonFile(path).kind === 'torn') setAside(path, options.now ?? Date.now(), options.mode);
  writeTextFile(path, formatJson(value), options.mode);
}

interface WriteOptions {
  mode?: number;
  /** Names a torn file that is set aside. */
  now?: number;
}

/**
 * Writes any text with the same care. Without a mode, the file keeps the one it has. The few lines stand here rather than
 * in a library because every command loads them: the usual one takes `node:crypto` along, 13 ms of the start.
 */
export function writeTextFile(path: string, text: string, mode?: number): void {
  makeFolder(dirname(path));
  // A state file may be a link to another place: the file there is replaced, not the link.
  const target = realPathOf(path) ?? path;
  const kept = mode ?? modeOf(target);
  const temporary = temporaryPath(target);
  const file = openSync(temporary, 'wx', kept ?? 0o666);
  try {
    try {
      // The mode of `open` is cut by the umask; the one that is asked for is not.
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

/** Beside the file, so that the rename stays in one file system; no other writer ever takes the same name. */
function temporaryPath(path: string): string {
  temporaryFiles += 1;
  return `${path}.${process.pid}-${performance.timeOrigin.toString(36)}-${temporaryFiles}.tmp`;
}

function modeOf(path: string): number | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? undefined : found.mode & 0o777;
}

/** Moves a torn file out of the way and keeps it: a person may still read something in it. Returns its new path. */
export function setAside(path: string, now: number, mode?: number): string {
  const stamp = new Date(now).toISOString().replaceAll(/[:.]/g, '-');
  const kept = `${path}.torn-${stamp}`;
  // Half a secret is a secret, too.
  if (mode !== undefined) chmodSync(path, mode);
  renameSync(path, kept);
  return kept;
}

/** Not there: neither the file nor a folder on the way to it. */
export function isMissing(error: unknown): boolean {
  return hasCode(error, 'ENOENT', 'ENOTDIR');
}
