/** An append-only file of lines with mode 0600. It has one writer, and concurrent appends keep their order. */

import { type FileHandle, open, readFile, stat } from 'node:fs/promises';

export class AppendFile {
  readonly #file: FileHandle;
  #last: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;
  /** True if a failed append may have left an incomplete line. */
  #isTorn: boolean;

  private constructor(file: FileHandle, isTorn: boolean) {
    this.#file = file;
    this.#isTorn = isTorn;
  }

  /**
   * Opens the file for appending. If an earlier writer left an incomplete last line, a line end is added, so that it does
   * not damage the next line.
   */
  static async open(path: string): Promise<AppendFile> {
    const isTorn = await endsTorn(path);
    return new AppendFile(await open(path, 'a', 0o600), isTorn);
  }

  /** Writes one line after all earlier lines. Settles when the system has accepted it. */
  append(line: string): Promise<void> {
    const written = this.#last.then(() => this.#write(line));
    // The next append continues after a failure; the caller of the failed one gets the error.
    this.#last = written.catch(() => undefined);
    return written;
  }

  async #write(line: string): Promise<void> {
    // The incomplete line may lack only its line end. The mark makes the line invalid, so that no reader uses it, because its write was
    // reported as failed.
    const closing = this.#isTorn ? '!\n' : '';
    this.#isTorn = true;
    await this.#file.appendFile(`${closing}${line}\n`);
    this.#isTorn = false;
  }

  /** Settles when all lines are on the disk. */
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
