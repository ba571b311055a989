/** Splits a stream of bytes into lines of text, with limited memory for any input. */

/** The maximum length of a line, 4 MiB. No agent prints a longer event for one command. */
const MAX_LINE_CHARS = 4 * 1024 * 1024;

export interface SplitLine {
  /** The line without its line end. */
  text: string;
  /** False for a part of an overlong line. */
  whole: boolean;
}

/**
 * Splits at LF and CRLF. Invalid UTF-8 becomes U+FFFD; characters may span two reads.
 */
export class LineSplitter {
  readonly #decoder = new TextDecoder('utf-8');
  readonly #limit: number;
  #parts: string[] = [];
  #length = 0;
  /** True if a part of the current line was already returned. */
  #broken = false;

  constructor(limit = MAX_LINE_CHARS) {
    this.#limit = limit;
  }

  /** Adds bytes and returns the complete lines. */
  push(bytes: Uint8Array): SplitLine[] {
    return this.#take(this.#decoder.decode(bytes, { stream: true }));
  }

  /** Returns the rest at the end of the stream. */
  end(): SplitLine[] {
    const lines = this.#take(this.#decoder.decode());
    if (this.#length > 0) lines.push(this.#finishLine());
    return lines;
  }

  #take(text: string): SplitLine[] {
    const lines: SplitLine[] = [];
    let from = 0;
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', from)) {
      this.#keep(text.slice(from, at));
      lines.push(this.#finishLine());
      from = at + 1;
    }
    this.#keep(text.slice(from));
    if (this.#length >= this.#limit) lines.push(this.#breakLine());
    return lines;
  }

  #keep(piece: string): void {
    if (piece === '') return;
    this.#parts.push(piece);
    this.#length += piece.length;
  }

  #finishLine(): SplitLine {
    const line = { text: this.#drain().replace(/\r$/, ''), whole: !this.#broken };
    this.#broken = false;
    return line;
  }

  #breakLine(): SplitLine {
    this.#broken = true;
    return { text: this.#drain(), whole: false };
  }

  #drain(): string {
    const text = this.#parts.join('');
    this.#parts = [];
    this.#length = 0;
    return text;
  }
}
