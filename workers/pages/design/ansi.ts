/**
 * Converts the colors of terminal output to classes of the style sheet. Drops all other terminal sequences, such as
 * cursor moves.
 */

/** A piece of output with one style. */
export interface Span {
  text: string;
  /** The classes of the style sheet. Empty for plain text. */
  classes: string;
}

/** CSI sequences, OSC strings (titles, links), and the short escapes. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal sequences begin with them
const SEQUENCE = /\x1b\[([\d;:?<=>]*)[ -/]*([@-~])|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]/g;

export function spansOf(text: string): Span[] {
  const style = new Style();
  const spans: Span[] = [];
  const add = (piece: string) => {
    if (piece !== '') spans.push({ text: piece, classes: style.classes() });
  };
  let at = 0;
  for (const found of text.matchAll(SEQUENCE)) {
    add(text.slice(at, found.index));
    at = found.index + found[0].length;
    if (found[2] === 'm') style.apply(found[1] ?? '');
  }
  add(text.slice(at));
  return spans;
}

/** Returns the last text of a line that was overwritten, such as a progress bar. */
export function lastWritten(text: string): string {
  return text.replace(/[^\n]*\r(?=[^\r\n])/g, '').replace(/\r+(?=\n|$)/g, '');
}

const FLAGS: Readonly<Record<number, string>> = {
  1: 'bold',
  2: 'dim',
  3: 'italic',
  4: 'underline',
  9: 'struck',
};
/** The styles that each code ends. For example, 22 ends bold and dim. */
const ENDS: Readonly<Record<number, readonly string[]>> = {
  22: ['bold', 'dim'],
  23: ['italic'],
  24: ['underline'],
  29: ['struck'],
};

class Style {
  readonly #flags = new Set<string>();
  #color: number | undefined;
  #back: number | undefined;

  classes(): string {
    const flags = [...this.#flags].map((flag) => `t-${flag}`);
    if (this.#color !== undefined) flags.push(`t-c${this.#color}`);
    if (this.#back !== undefined) flags.push(`t-b${this.#back}`);
    return flags.join(' ');
  }

  apply(parameters: string): void {
    const codes = parameters.split(/[;:]/).map(Number);
    for (let at = 0; at < codes.length; at += 1) {
      const code = codes[at] ?? 0;
      if (code === 38 || code === 48) {
        const { color, taken } = extended(codes.slice(at + 1));
        if (code === 38) this.#color = color;
        else this.#back = color;
        at += taken;
      } else this.#one(code);
    }
  }

  #one(code: number): void {
    const flag = FLAGS[code];
    if (code === 0) this.#reset();
    else if (flag !== undefined) this.#flags.add(flag);
    else if (code === 39) this.#color = undefined;
    else if (code === 49) this.#back = undefined;
    else if (code >= 30 && code < 38) this.#color = code - 30;
    else if (code >= 90 && code < 98) this.#color = code - 82;
    else if (code >= 40 && code < 48) this.#back = code - 40;
    else if (code >= 100 && code < 108) this.#back = code - 92;
    else for (const ended of ENDS[code] ?? []) this.#flags.delete(ended);
  }

  #reset(): void {
    this.#flags.clear();
    this.#color = undefined;
    this.#back = undefined;
  }
}

/** Converts a 256-color or RGB color to the nearest of the 16 colors. */
function extended([mode, first = 0, green = 0, blue = 0]: number[]): {
  color: number | undefined;
  taken: number;
} {
  if (mode === 2) return { color: nearest(first / 255, green / 255, blue / 255), taken: 4 };
  if (mode !== 5) return { color: undefined, taken: 1 };
  if (first < 16) return { color: first, taken: 2 };
  if (first >= 232) return { color: first < 244 ? 8 : 7, taken: 2 };
  const cube = first - 16;
  return {
    color: nearest(Math.floor(cube / 36) / 5, (Math.floor(cube / 6) % 6) / 5, (cube % 6) / 5),
    taken: 2,
  };
}

function nearest(red: number, green: number, blue: number): number {
  const most = Math.max(red, green, blue);
  if (most < 0.2) return 0;
  const bits = [red, green, blue].map((part, at) => (part > most / 2 ? 1 << at : 0));
  return bits.reduce((sum, bit) => sum + bit, most > 0.75 ? 8 : 0);
}
