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

/** Text with styled parts. */
export type Rich = string | Painted | readonly Rich[];

/** Styles a text; `undefined` leaves it unstyled. */
export function paint(style: Style | undefined, text: string): Rich {
  return style === undefined ? text : new Painted(style, text);
}

/** The text without styles, for measuring. */
export function bare(rich: Rich): string {
  if (typeof rich === 'string') return rich;
  return rich instanceof Painted ? rich.text : rich.map(bare).join('');
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
    if (!(rich instanceof Painted)) return rich.map((part) => this.render(part)).join('');
    const [on, off] = STYLES[rich.style];
    const text = visible(rich.text);
    return this.#hasColor && text !== '' ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  }
}
