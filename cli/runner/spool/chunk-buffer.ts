/**
 * Collects output for up to 250 ms into chunks of at most 64 KiB. People see the output live, and many lines need only one
 * request.
 */

import type { LogLevel, TranscriptStream } from '../../agents/agent.ts';

const CHUNK_BYTES = 64 * 1024;
const CHUNK_MS = 250;

export interface Piece {
  stream: TranscriptStream;
  level: LogLevel;
  text: string;
}

export class ChunkBuffer {
  readonly #write: (piece: Piece) => Promise<void>;
  #open: { stream: TranscriptStream; level: LogLevel; parts: string[]; chars: number } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #last: Promise<void> = Promise.resolve();

  /** @param write accepts finished chunks, one after the other, and handles its own failures */
  constructor(write: (piece: Piece) => Promise<void>) {
    this.#write = write;
  }

  /**
   * Adds text. Settles when all due chunks are written, so that a caller who awaits this cannot be faster than the disk.
   */
  add(piece: Piece): Promise<void> {
    if (piece.text === '') return this.#last;
    const open = this.#open;
    if (open === undefined || open.stream !== piece.stream || open.level !== piece.level) {
      this.#finish();
      this.#open = {
        stream: piece.stream,
        level: piece.level,
        parts: [piece.text],
        chars: piece.text.length,
      };
      this.#timer = setTimeout(() => this.#finish(), CHUNK_MS);
    } else {
      open.parts.push(piece.text);
      open.chars += piece.text.length;
    }
    if ((this.#open?.chars ?? 0) >= CHUNK_BYTES / 2) this.#finish();
    return this.#last;
  }

  /** Writes the open chunk. Settles when all text so far is written. */
  flush(): Promise<void> {
    this.#finish();
    return this.#last;
  }

  #finish(): void {
    clearTimeout(this.#timer);
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    const { stream, level } = open;
    for (const text of splitText(open.parts.join(''), CHUNK_BYTES)) {
      this.#last = this.#last.then(() => this.#write({ stream, level, text }));
    }
  }
}

/** Cuts text into parts of at most `maxBytes` of UTF-8, never through a character. */
export function splitText(text: string, maxBytes: number): string[] {
  if (Buffer.byteLength(text) <= maxBytes) return [text];
  const parts: string[] = [];
  const bytes = Buffer.from(text);
  for (let from = 0; from < bytes.length; ) {
    let to = Math.min(bytes.length, from + maxBytes);
    // A byte 10xxxxxx continues a character: step back to where that character begins.
    while (to < bytes.length && ((bytes[to] ?? 0) & 0xc0) === 0x80) to -= 1;
    parts.push(bytes.toString('utf8', from, to));
    from = to;
  }
  return parts;
}
