/** Reads a growing log. It follows the open file, so that rotation neither loses nor repeats lines. */

import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { olderLogs } from './rotating-log.ts';

/** Replaces lines that were deleted before they could be read. */
export const GONE_MARK = '… lines may be missing here: the log was rotated faster than it was read';

/** One file of the log. */
interface Found {
  path: string;
  ino: number;
  /** Distinguishes it from a later file with the same inode. Rotated files no longer change. */
  key: string;
}

export class LogTail {
  readonly #path: string;
  #file: number | undefined;
  #at: number;
  /** The files that are older than the open file. */
  #older: ReadonlySet<string>;

  /** @param at number of bytes that were read already */
  constructor(path: string, at: number) {
    this.#path = path;
    this.#file = openIfThere(path);
    this.#at = at;
    this.#older = this.#lookBack();
  }

  /** Complete lines since the last call. */
  next(): string {
    let text = this.#read();
    for (let after = this.#following(); after !== undefined; after = this.#following()) {
      // The writer closes a file before renaming it, so its contents are complete.
      text += this.#read();
      if (after.mayMiss) text += `${GONE_MARK}\n`;
      // It was renamed in the meantime. The next call finds it.
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

  /** The next newer file, if it still exists. */
  #following(): { found: Found; mayMiss: boolean } | undefined {
    const files = this.#files();
    const at = this.#indexOf(files);
    if (at !== -1) {
      const found = files.slice(0, at).findLast((file) => file !== undefined);
      return found && { found, mayMiss: false };
    }
    const newer = files.map((file) => (file !== undefined && !this.#older.has(file.key) ? file : undefined));
    const found = newer.findLast((file) => file !== undefined);
    // A file in between can be missing only if newer files have all the names.
    return found && { found, mayMiss: this.#file !== undefined && newer.at(-1) !== undefined };
  }

  #lookBack(): Set<string> {
    const files = this.#files();
    const older = files.slice(Math.max(this.#indexOf(files), 0) + 1);
    return new Set(older.flatMap((file) => file?.key ?? []));
  }

  /** Returns the files, newest first, with undefined for missing files. */
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
    // The file was truncated.
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
    // Missing: not created yet, or deleted.
    return undefined;
  }
}

function find(path: string): Found | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats && { path, ino: stats.ino, key: `${stats.ino} ${stats.mtimeMs} ${stats.size}` };
}
