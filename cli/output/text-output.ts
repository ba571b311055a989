/**
 * All output to terminals, pipes and logs goes through this class. It escapes terminal controls, so that foreign text cannot
 * steer a terminal. Colors come only from `print`. Only code that moves the cursor (the live line, prompts) writes to `device`.
 */

import type { Writable } from 'node:stream';

/** The output stream that commands get. */
export type Device = Writable & { isTTY?: boolean; columns?: number; rows?: number };

/** SGR codes to switch a style on and off. */
const STYLES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
  /** Black on white, whatever the colors of the terminal are. A QR code needs it. */
  ink: ['38;5;16;48;5;231', '39;49'],
} as const;

export type Style = keyof typeof STYLES;

/** Styled text. It is a class, so that no string can pass as one. */
export class Painted {
  readonly style: Style;
  readonly text: string;

  constructor(style: Style, text: string) {
    this.style = style;
    this.text = text;
  }
}

/** A sentence that is wrapped between its words, if it is wider than the terminal. Its next lines are indented. */
export class Hanging {
  readonly indent: number;
  readonly rich: Rich;

  constructor(indent: number, rich: Rich) {
    this.indent = indent;
    this.rich = rich;
  }
}

/** Text with styled parts. */
export type Rich = string | Painted | Hanging | readonly Rich[];

/** Styles a text; `undefined` leaves it unstyled. */
export function paint(style: Style | undefined, text: string): Rich {
  return style === undefined ? text : new Painted(style, text);
}

/** The text without styles, for measuring. */
export function bare(rich: Rich): string {
  if (typeof rich === 'string') return rich;
  if (rich instanceof Painted) return rich.text;
  return rich instanceof Hanging ? bare(rich.rich) : rich.map(bare).join('');
}

/** The parts in their order, each with one style. */
function partsOf(rich: Rich): (string | Painted)[] {
  if (typeof rich === 'string' || rich instanceof Painted) return [rich];
  return rich instanceof Hanging ? partsOf(rich.rich) : rich.flatMap(partsOf);
}

/** Breaks a sentence into lines. A word that is wider than the terminal stays whole, because it may be a path or an id. */
function wrap({ indent, rich }: Hanging, columns: number): Rich[] {
  const wrapped: Rich[] = [];
  let column = 0;
  for (const part of partsOf(rich)) {
    const style = part instanceof Painted ? part.style : undefined;
    for (const word of (part instanceof Painted ? part.text : part).split(/(?= )/)) {
      const width = roughWidth(word);
      const isFull = column > indent && column + width > columns && word.startsWith(' ') && word !== ' ';
      wrapped.push(isFull ? `\n${' '.repeat(indent)}` : '', paint(style, isFull ? word.slice(1) : word));
      column = isFull ? indent + width - 1 : column + width;
    }
  }
  return wrapped;
}

/** Measures the width without a library, because every start loads this file. East Asian characters have two columns. */
function roughWidth(text: string): number {
  let width = 0;
  for (const character of text)
    width += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\uff60]/.test(character) ? 2 : 1;
  return width;
}

/**
 * Escapes C0 and C1 controls, DEL, line separators and bidirectional controls in JSON syntax. Keeps newlines and tabs.
 */
export function visible(text: string): string {
  return text.replace(
    /[^\P{Cc}\n\t]|\p{Zl}|\p{Zp}|\p{Bidi_Control}/gu,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** `NO_COLOR` wins over `CLICOLOR_FORCE`, which asks for color where there is no terminal. */
function wantsColor(device: Device, env: NodeJS.ProcessEnv): boolean {
  if ((env.NO_COLOR ?? '') !== '') return false;
  if (!['', '0'].includes(env.CLICOLOR_FORCE ?? '')) return true;
  return device.isTTY === true && env.TERM !== 'dumb';
}

/** The program for long pages: a command line for the shell, and its environment. */
export interface Pager {
  program: string;
  env: NodeJS.ProcessEnv;
}

export class TextOutput {
  /** The stream without escaping, for code that moves the cursor. */
  readonly device: Device;
  readonly #hasColor: boolean;
  /** Undefined if long pages are printed at once. */
  pager: Pager | undefined;

  constructor(device: Device, env: NodeJS.ProcessEnv) {
    this.device = device;
    this.#hasColor = wantsColor(device, env);
  }

  /** Returns whether `print` colors text. */
  get hasColor(): boolean {
    return this.#hasColor;
  }

  get isTTY(): boolean {
    return this.device.isTTY === true;
  }

  /** Columns of the terminal; 80 if unknown. */
  get columns(): number {
    return this.device.columns || 80;
  }

  /** Lines of the terminal. Undefined if unknown, and without a terminal. */
  get rows(): number | undefined {
    return this.isTTY ? this.device.rows || undefined : undefined;
  }

  /** Writes text, with terminal controls escaped. */
  write(text: string): void {
    this.device.write(visible(text));
  }

  /** Writes styled text, or plain text without color support. */
  print(rich: Rich): void {
    this.device.write(this.render(rich));
  }

  /** The text that `print` writes. */
  render(rich: Rich): string {
    if (typeof rich === 'string') return visible(rich);
    if (rich instanceof Hanging) {
      const { columns } = this.device;
      // The last column stays free, because some terminals wrap when it is written.
      return this.render(this.isTTY && columns ? wrap(rich, columns - 1) : rich.rich);
    }
    if (!(rich instanceof Painted)) return rich.map((part) => this.render(part)).join('');
    const [on, off] = STYLES[rich.style];
    const text = visible(rich.text);
    return this.#hasColor && text !== '' ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  }
}
