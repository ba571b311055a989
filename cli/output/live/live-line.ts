/**
 * A status line at the bottom of a terminal. Other output appears above it: the line is erased first and redrawn after.
 * It stays hidden while the user answers a question.
 *
 * The cursor rests at the start of the line. When a narrower terminal wraps the line, clearing from there removes all its
 * parts, and an echoed `^C` does not push the line past the edge.
 */

import { Writable } from 'node:stream';
import { type Device, visible } from '../text-output.ts';
import { cutToWidth } from '../text-width.ts';

export class LiveLine {
  readonly #terminal: Device;
  #text = '';
  #colour: number | undefined;
  #isDrawn = false;
  /** True if the last output ended with a newline, so that the line can be drawn. */
  #isLineEnded = true;

  readonly #onResize = () => this.#draw();

  constructor(terminal: Device) {
    this.#terminal = terminal;
    terminal.on('resize', this.#onResize);
  }

  /** The number of available columns. The last column stays free, because some terminals wrap when it is written. */
  get columns(): number {
    // 0 means that the terminal does not know its size.
    return (this.#terminal.columns || 80) - 1;
  }

  /**
   * Shows a text, cut to the width of the terminal. Empty text removes the line.
   * @param colour SGR number for the first character
   */
  show(text: string, colour?: number): void {
    this.#text = visible(text).replaceAll(/[\n\t]/g, ' ');
    this.#colour = colour;
    this.#draw();
  }

  /** Removes the line permanently. */
  end(): void {
    this.#terminal.off('resize', this.#onResize);
    this.show('');
  }

  /** A stream whose output appears above the line. */
  above(stream: Device): Device {
    const writer = new Writable({
      decodeStrings: false,
      write: (chunk: string | Buffer, _encoding, done) => {
        this.#erase();
        stream.write(chunk);
        this.#isLineEnded = String(chunk).endsWith('\n');
        this.#draw();
        // Terminals accept writes without waiting, so completing immediately keeps the order.
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
    this.#erase();
    if (this.#text === '') return;
    this.#terminal.write(`${paintFirst(cutToWidth(this.#text, this.columns), this.#colour)}\r`);
    this.#isDrawn = true;
  }

  #erase(): void {
    if (this.#isDrawn) this.#terminal.write(CLEAR_FROM_HERE);
    this.#isDrawn = false;
  }
}

/** Clears to the end of the screen, because nothing is below the line. */
const CLEAR_FROM_HERE = '\r\u001b[J';

function paintFirst(text: string, colour: number | undefined): string {
  const [first = ''] = text;
  return colour === undefined ? text : `\u001b[${colour}m${first}\u001b[39m${text.slice(first.length)}`;
}
