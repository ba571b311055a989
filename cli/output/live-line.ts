/**
 * One line at the foot of a terminal that says what goes on right now. Everything else that is written goes above it:
 * the line is taken away first and drawn again after. While somebody is being asked something, it stays away.
 */

import { Writable } from 'node:stream';

/** A stream of a process, as commands use it. */
export type Terminal = Writable & { isTTY?: boolean; columns?: number };

export class LiveLine {
  readonly #terminal: Terminal;
  #text = '';
  #colour: number | undefined;
  #isDrawn = false;
  /** The last thing that was written ended its line: there is room for ours. */
  #isLineEnded = true;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /**
   * Shows a text, cut to the width of the terminal; blank takes the line away.
   * @param colour of the first sign, as an SGR number
   */
  show(text: string, colour?: number): void {
    this.#text = text;
    this.#colour = colour;
    this.#draw();
  }

  /** Takes the line away for good. */
  end(): void {
    this.show('');
  }

  /** The same stream for others; what they write appears above the line. */
  above(stream: Terminal): Terminal {
    const writer = new Writable({
      decodeStrings: false,
      write: (chunk: string | Buffer, _encoding, done) => {
        this.#erase();
        stream.write(chunk);
        this.#isLineEnded = String(chunk).endsWith('\n');
        this.#draw();
        // At once, so that nothing overtakes: a terminal takes what it is given without waiting.
        done();
      },
    });
    return Object.defineProperties(writer, {
      isTTY: { get: () => stream.isTTY },
      columns: { get: () => stream.columns },
    });
  }

  #draw(): void {
    if (!this.#isLineEnded) return;
    if (this.#text === '') {
      this.#erase();
      return;
    }
    const width = (this.#terminal.columns ?? 80) - 1;
    this.#terminal.write(`\r${paintFirst(cutToWidth(this.#text, width), this.#colour)}${CLEAR_REST}`);
    this.#isDrawn = true;
  }

  #erase(): void {
    if (this.#isDrawn) this.#terminal.write(`\r${CLEAR_REST}`);
    this.#isDrawn = false;
  }
}

const CLEAR_REST = '\u001b[K';

function paintFirst(text: string, colour: number | undefined): string {
  const [first = ''] = text;
  return colour === undefined ? text : `\u001b[${colour}m${first}\u001b[39m${text.slice(first.length)}`;
}

const segmenter = new Intl.Segmenter();

/** Cuts a text so that it fits into so many columns; `…` says that something is missing. */
export function cutToWidth(text: string, columns: number): string {
  let width = 0;
  let kept = '';
  for (const { segment } of segmenter.segment(text)) {
    width += widthOf(segment);
    if (width > columns) return `${dropLast(kept, columns - 1)}…`;
    kept += segment;
  }
  return kept;
}

function dropLast(text: string, columns: number): string {
  let width = 0;
  let kept = '';
  for (const { segment } of segmenter.segment(text)) {
    width += widthOf(segment);
    if (width > columns) break;
    kept += segment;
  }
  return kept;
}

/** Letters that stand in two columns: East Asian wide forms, and pictures. */
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]|^\p{Emoji_Presentation}/u;

function widthOf(segment: string): number {
  return WIDE.test(segment) ? 2 : 1;
}
