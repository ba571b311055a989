/**
 * One line at the foot of a terminal that says what goes on right now. Everything else that is written goes above it:
 * the line is taken away first and drawn again after. While somebody is being asked something, it stays away.
 *
 * The cursor rests at its beginning. A terminal that is made narrower breaks the line into several; what is from its
 * beginning on is cleared with all of them. And the `^C` of a key stroke does not push the line over its edge.
 */

import { Writable } from 'node:stream';
import { type Device, visible } from './text-output.ts';
import { cutToWidth } from './text-width.ts';

export class LiveLine {
  readonly #terminal: Device;
  #text = '';
  #colour: number | undefined;
  #isDrawn = false;
  /** The last thing that was written ended its line: there is room for ours. */
  #isLineEnded = true;

  readonly #onResize = () => this.#draw();

  constructor(terminal: Device) {
    this.#terminal = terminal;
    terminal.on('resize', this.#onResize);
  }

  /** The room there is. The last column stays free: some terminals go on in the next line once it is written. */
  get columns(): number {
    // 0: the terminal does not know its size.
    return (this.#terminal.columns || 80) - 1;
  }

  /**
   * Shows a text, cut to the width of the terminal; blank takes the line away.
   * @param colour of the first sign, as an SGR number
   */
  show(text: string, colour?: number): void {
    this.#text = visible(text).replaceAll(/[\n\t]/g, ' ');
    this.#colour = colour;
    this.#draw();
  }

  /** Takes the line away for good. */
  end(): void {
    this.#terminal.off('resize', this.#onResize);
    this.show('');
  }

  /** The same stream for others; what they write appears above the line. */
  above(stream: Device): Device {
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

/** To the end of the screen: below our line there is nothing. */
const CLEAR_FROM_HERE = '\r\u001b[J';

function paintFirst(text: string, colour: number | undefined): string {
  const [first = ''] = text;
  return colour === undefined ? text : `\u001b[${colour}m${first}\u001b[39m${text.slice(first.length)}`;
}
