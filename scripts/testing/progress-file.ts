/** Reads the progress file of a test run while the run writes it. */

import { closeSync, mkdirSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { RunEvent } from './run-progress.ts';

const PIECE_BYTES = 64 * 1024;

export class ProgressFile {
  readonly path: string;
  readonly #file: number;
  #rest = Buffer.alloc(0);

  /** Starts an empty file. */
  constructor(path: string) {
    this.path = path;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, '');
    this.#file = openSync(path, 'r');
  }

  /** Returns the events since the last call. Keeps an incomplete line until the rest of the line arrives. */
  readNew(): RunEvent[] {
    const piece = Buffer.alloc(PIECE_BYTES);
    for (let size = PIECE_BYTES; size > 0; ) {
      size = readSync(this.#file, piece);
      this.#rest = Buffer.concat([this.#rest, piece.subarray(0, size)]);
    }
    const end = this.#rest.lastIndexOf('\n') + 1;
    const lines = this.#rest.subarray(0, end).toString('utf8').split('\n');
    this.#rest = this.#rest.subarray(end);
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as RunEvent);
  }

  remove(): void {
    closeSync(this.#file);
    rmSync(this.path, { force: true });
  }
}
