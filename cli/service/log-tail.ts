/** Reads a log as it grows: by the file it has open, so that nothing is lost or read twice when the log is turned over. */

import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { olderLogs } from './rotating-log.ts';

export class LogTail {
  readonly #path: string;
  #file: number | undefined;
  #at: number;

  /** @param at so many bytes of it are known already */
  constructor(path: string, at: number) {
    this.#path = path;
    this.#file = openIfThere(path);
    this.#at = at;
  }

  /** Whole lines that came since the last time. */
  next(): string {
    if (this.#file === undefined) this.#open(this.#path);
    let text = this.#read();
    for (const path of this.#newer()) {
      // Its writer had closed it before it got its new name: what stands there now is all of it.
      text += this.#read();
      this.#open(path);
      text += this.#read();
    }
    return text;
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #open(path: string): void {
    this.close();
    this.#file = openIfThere(path);
    this.#at = 0;
  }

  /** The files that were begun after the open one, oldest first. One that was deleted has only the present one after it. */
  #newer(): string[] {
    const own = this.#file === undefined ? undefined : fstatSync(this.#file).ino;
    const paths = [this.#path, ...olderLogs(this.#path).map(({ path }) => path)];
    const at = paths.findIndex((path) => inodeOf(path) === own);
    if (own === undefined || at === 0) return [];
    return at === -1 ? paths.slice(0, 1) : paths.slice(0, at).reverse();
  }

  #read(): string {
    if (this.#file === undefined) return '';
    const { size } = fstatSync(this.#file);
    // Somebody has emptied it.
    if (size < this.#at) this.#at = 0;
    const bytes = Buffer.alloc(size - this.#at);
    const read = readSync(this.#file, bytes, 0, bytes.length, this.#at);
    const end = read === 0 ? 0 : bytes.lastIndexOf(10, read - 1) + 1;
    this.#at += end;
    return bytes.toString('utf8', 0, end);
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    // Not there yet, or put away.
    return undefined;
  }
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
