/**
 * The one way to a terminal, a pipe or a log. Text of others passes here and cannot steer what shows it: whatever a
 * terminal would obey is written as an escape. Colors are ours alone, because only `print` paints, and only what it is
 * told to. What moves the cursor (the live line, a question) writes to `device`, and nothing else does.
 */

import type { Writable } from 'node:stream';

/** A stream of a process, as commands get it. */
export type Device = Writable & { isTTY?: boolean; columns?: number };

/** SGR numbers: on, off. */
const STYLES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;

export type Style = keyof typeof STYLES;

/** A piece of text with a style. A class of its own, so that no text can pass for one. */
export class Painted {
  readonly style: Style;
  readonly text: string;

  constructor(style: Style, text: string) {
    this.style = style;
    this.text = text;
  }
}

/** Text with styles in it. */
export type Rich = string | Painted | readonly Rich[];

/** Gives a text a style; `undefined` leaves it as it is. */
export function paint(style: Style | undefined, text: string): Rich {
  return style === undefined ? text : new Painted(style, text);
}

/** The text without its styles: to measure it. */
export function bare(rich: Rich): string {
  if (typeof rich === 'string') return rich;
  return rich instanceof Painted ? rich.text : rich.map(bare).join('');
}

/**
 * Everything that a terminal obeys or that turns the direction of writing, as an escape that JSON reads back as the same
 * character: C0 and C1 controls, DEL, line separators, bidirectional controls. Newline and tab stay.
 */
export function visible(text: string): string {
  return text.replace(
    /[^\P{Cc}\n\t]|\p{Zl}|\p{Zp}|\p{Bidi_Control}/gu,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

export class TextOutput {
  /** Beneath the escapes, for those who steer the terminal themselves. */
  readonly device: Device;
  readonly #hasColor: boolean;

  constructor(device: Device, env: NodeJS.ProcessEnv) {
    this.device = device;
    this.#hasColor = device.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
  }

  get isTTY(): boolean {
    return this.device.isTTY === true;
  }

  /** Columns of the terminal; 80 where nobody knows. */
  get columns(): number {
    return this.device.columns || 80;
  }

  /** Writes text as it is, but for what a terminal would obey. */
  write(text: string): void {
    this.device.write(visible(text));
  }

  /** Writes text with styles; where there is no color, the text alone. */
  print(rich: Rich): void {
    this.device.write(this.#render(rich));
  }

  #render(rich: Rich): string {
    if (typeof rich === 'string') return visible(rich);
    if (!(rich instanceof Painted)) return rich.map((part) => this.#render(part)).join('');
    const [on, off] = STYLES[rich.style];
    const text = visible(rich.text);
    return this.#hasColor && text !== '' ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  }
}
