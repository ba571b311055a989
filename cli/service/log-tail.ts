/** Reads a log as it grows: by the file it has open, so that nothing is lost or read twice when the log is turned over. */

import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { olderLogs } from './rotating-log.ts';

/** Stands in the place of lines that were put away before they could be read. */
export const GONE_MARK = '… lines may be missing here: the log was turned over faster than it was followed';

/** A file of the log, as it is found under one of its names. */
interface Found {
  path: string;
  ino: number;
  /** Tells it from a later file that got its inode: what is turned over is not written to any more. */
  key: string;
}

export class LogTail {
  readonly #path: string;
  #file: number | undefined;
  #at: number;
  /** The files that were begun before the open one. */
  #older: ReadonlySet<string>;

  /** @param at so many bytes of it are known already */
  constructor(path: string, at: number) {
    this.#path = path;
    this.#file = openIfThere(path);
    this.#at = at;
    this.#older = this.#lookBack();
  }

  /** Whole lines that came since the last time. */
  next(): string {
    let text = this.#read();
    for (let after = this.#following(); after !== undefined; after = this.#following()) {
      // Its writer had closed it before it got its new name: what stands there now is all of it.
      text += this.#read();
      if (after.mayMiss) text += `${GONE_MARK}\n`;
      // It got another name meanwhile: the next look finds it there.
      if (!this.#open(after.found)) break;
      text += this.#read();
    }
    return text;
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #open({ path, ino }: Found): boolean {
    const file = openIfThere(path);
    if (file === undefined) return false;
    if (fstatSync(file).ino !== ino) {
      closeSync(file);
      return false;
    }
    this.close();
    this.#file = file;
    this.#at = 0;
    this.#older = this.#lookBack();
    return true;
  }

  /** The file that was begun next after the open one, as far as it is still there. */
  #following(): { found: Found; mayMiss: boolean } | undefined {
    const files = this.#files();
    const at = this.#indexOf(files);
    if (at !== -1) {
      const found = files.slice(0, at).findLast((file) => file !== undefined);
      return found && { found, mayMiss: false };
    }
    const newer = files.map((file) => (file !== undefined && !this.#older.has(file.key) ? file : undefined));
    const found = newer.findLast((file) => file !== undefined);
    // Only where every name is taken by a newer file can one between have been put away.
    return found && { found, mayMiss: this.#file !== undefined && newer.at(-1) !== undefined };
  }

  #lookBack(): Set<string> {
    const files = this.#files();
    const older = files.slice(Math.max(this.#indexOf(files), 0) + 1);
    return new Set(older.flatMap((file) => file?.key ?? []));
  }

  /** Newest first; undefined where there is none of that name. */
  #files(): (Found | undefined)[] {
    return [this.#path, ...olderLogs(this.#path).map(({ path }) => path)].map(find);
  }

  #indexOf(files: readonly (Found | undefined)[]): number {
    if (this.#file === undefined) return -1;
    const own = fstatSync(this.#file).ino;
    return files.findIndex((file) => file?.ino === own);
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

function find(path: string): Found | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats && { path, ino: stats.ino, key: `${stats.ino} ${stats.mtimeMs} ${stats.size}` };
}
