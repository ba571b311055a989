/**
 * The service log: lines with a time, in files of limited size. The runner rotates them itself, because launchd has no rotation
 * and not every system has a journal.
 */

import { closeSync, fstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { Writable } from 'node:stream';
import { makeFolder } from '../files/private-folder.ts';

/** Months of a mostly idle runner. With the older files, at most 20 MB. */
const MAX_BYTES = 5 * 1024 * 1024;
const OLDER_FILES = 3;
/** Longer lines are split. */
const MAX_LINE = 16 * 1024;

export interface LogOptions {
  now?: () => number;
  maxBytes?: number;
}

export class RotatingLog extends Writable {
  readonly #path: string;
  readonly #now: () => number;
  readonly #maxBytes: number;
  #file: number | undefined;
  #bytes = 0;
  #rest = '';

  constructor(path: string, { now = Date.now, maxBytes = MAX_BYTES }: LogOptions = {}) {
    super({ decodeStrings: false, defaultEncoding: 'utf8' });
    this.#path = path;
    this.#now = now;
    this.#maxBytes = maxBytes;
  }

  override _write(chunk: Buffer | string, _encoding: string, done: () => void): void {
    const lines = `${this.#rest}${chunk.toString()}`.split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > MAX_LINE) lines.push(this.#take());
    for (const line of lines) this.#add(line);
    done();
  }

  override _final(done: () => void): void {
    if (this.#rest !== '') this.#add(this.#take());
    this.#close();
    done();
  }

  #take(): string {
    const rest = this.#rest;
    this.#rest = '';
    return rest;
  }

  /** A full disk may lose log lines, but never stops the work. */
  #add(line: string): void {
    try {
      const text = `${new Date(this.#now()).toISOString()} ${line}\n`;
      if (this.#file === undefined) this.#open();
      if (this.#bytes > 0 && this.#bytes + Buffer.byteLength(text) > this.#maxBytes) this.#turnOver();
      if (this.#file !== undefined) this.#bytes += writeSync(this.#file, text);
    } catch {
      this.#close();
    }
  }

  #close(): void {
    if (this.#file === undefined) return;
    closeSync(this.#file);
    this.#file = undefined;
  }

  #open(): void {
    makeFolder(dirname(this.#path));
    this.#file = openSync(this.#path, 'a', 0o600);
    this.#bytes = fstatSync(this.#file).size;
  }

  #turnOver(): void {
    this.#close();
    for (const older of olderLogs(this.#path).reverse()) {
      if (older.number === OLDER_FILES) rmSync(older.path, { force: true });
      else moveIfThere(older.path, `${this.#path}.${older.number + 1}`);
    }
    moveIfThere(this.#path, `${this.#path}.1`);
    this.#open();
  }
}

/** The older files of a log, newest first. */
export function olderLogs(path: string): { number: number; path: string }[] {
  return Array.from({ length: OLDER_FILES }, (_, at) => ({ number: at + 1, path: `${path}.${at + 1}` }));
}

function moveIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch {
    // The file does not exist.
  }
}
