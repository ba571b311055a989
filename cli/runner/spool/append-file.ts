/** An append-only file of lines, 0600. One writer; concurrent appends keep their order. */

import { type FileHandle, open, readFile, stat } from 'node:fs/promises';

export class AppendFile {
  readonly #file: FileHandle;
  #last: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;
  /** A failed append may have left half a line. */
  #isTorn: boolean;

  private constructor(file: FileHandle, isTorn: boolean) {
    this.#file = file;
    this.#isTorn = isTorn;
  }

  /**
   * Opens for appending. A torn last line of an earlier writer is terminated, so that it does not damage the next
   * one.
   */
  static async open(path: string): Promise<AppendFile> {
    const isTorn = await endsTorn(path);
    return new AppendFile(await open(path, 'a', 0o600), isTorn);
  }

  /** Writes one line after everything appended before; settles when the system has it. */
  append(line: string): Promise<void> {
    const written = this.#last.then(() => this.#write(line));
    // The next append continues after a failure; the caller of the failed one gets the error.
    this.#last = written.catch(() => undefined);
    return written;
  }

  async #write(line: string): Promise<void> {
    // What is torn may lack nothing but its line end: the mark makes sure that it stays unreadable, as it was reported.
    const closing = this.#isTorn ? '!\n' : '';
    this.#isTorn = true;
    await this.#file.appendFile(`${closing}${line}\n`);
    this.#isTorn = false;
  }

  /** Settles when everything appended is on the disk. */
  async flush(): Promise<void> {
    await this.#last;
    await this.#file.datasync();
  }

  /** May be called twice. */
  close(): Promise<void> {
    this.#closed ??= this.#last.then(() => this.#file.close());
    return this.#closed;
  }
}

async function endsTorn(path: string): Promise<boolean> {
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  if (size === 0) return false;
  return (await readFile(path)).at(-1) !== 0x0a;
}
