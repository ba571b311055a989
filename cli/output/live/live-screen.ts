/**
 * A page that fills the terminal and is redrawn in place. It uses the second screen of the terminal, so what was there before
 * comes back at the end, however the command ends.
 */

import type { Context } from '../context.ts';
import { type Rich, visible } from '../text-output.ts';

const OPEN = '\u001b[?1049h\u001b[?25l';
const CLOSE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
/** Clears the rest of the line, and what is below. */
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

const END_SIGNALS = ['SIGTERM', 'SIGHUP'] as const;

export interface ScreenSize {
  columns: number;
  rows: number;
}

export class LiveScreen {
  readonly #context: Pick<Context, 'stdin' | 'stdout'>;
  readonly #page: (size: ScreenSize) => readonly Rich[];
  readonly #onKey: (key: string) => void;
  #isOpen = false;

  /**
   * @param page the lines of the page, no wider and no more than the size
   * @param onKey called for each key, also for Ctrl-C (`\x03`)
   */
  constructor(
    context: Pick<Context, 'stdin' | 'stdout'>,
    page: (size: ScreenSize) => readonly Rich[],
    onKey: (key: string) => void,
  ) {
    this.#context = context;
    this.#page = page;
    this.#onKey = onKey;
  }

  open(): void {
    const { stdin, stdout } = this.#context;
    this.#isOpen = true;
    process.on('exit', this.close);
    for (const signal of END_SIGNALS) process.on(signal, this.#end);
    stdout.device.write(OPEN);
    stdout.device.on('resize', this.draw);
    rawMode(stdin, true);
    stdin.on('data', this.#hear);
    this.draw();
  }

  /** Draws the page again. */
  readonly draw = (): void => {
    if (!this.#isOpen) return;
    const { stdout } = this.#context;
    const { columns, rows = 24 } = stdout;
    // The last column stays free, because some terminals wrap when it is written.
    const lines = this.#page({ columns: columns - 1, rows }).slice(0, rows);
    const text = lines.map((line) => `${stdout.render(line).replaceAll('\n', '')}${CLEAR_LINE}`).join('\r\n');
    stdout.device.write(`${HOME}${text}${CLEAR_BELOW}`);
  };

  readonly close = (): void => {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { stdin, stdout } = this.#context;
    process.off('exit', this.close);
    for (const signal of END_SIGNALS) process.off(signal, this.#end);
    stdout.device.off('resize', this.draw);
    stdin.off('data', this.#hear);
    stdin.pause();
    rawMode(stdin, false);
    stdout.device.write(CLOSE);
  };

  /** Exits, so that the exit handler restores the terminal. */
  readonly #end = (): void => process.exit(EXIT_TERMINATED);

  readonly #hear = (chunk: Buffer | string): void => this.#onKey(visible(String(chunk)));
}

/** The exit code with which a shell reports a command that SIGTERM ended. */
const EXIT_TERMINATED = 143;

/** Without raw mode, keys arrive only after Enter. */
function rawMode(stdin: Context['stdin'] & { setRawMode?: (isRaw: boolean) => void }, isRaw: boolean): void {
  if (stdin.isTTY) stdin.setRawMode?.(isRaw);
}
