/**
 * A decoded view of a text, with its escapes resolved. Matches in the view are mapped back to the raw text, so that the raw
 * text can be redacted.
 */

/** A stretch of text: from, to (exclusive). */
export type Stretch = readonly [from: number, to: number];

export interface View {
  text: string;
  /** Maps a stretch of the view to the raw characters that encode it. */
  toRaw(stretch: Stretch): Stretch;
}

/** The character with which terminal sequences begin; `CSI` is its short form with `[`. */
export const ESCAPE = String.fromCharCode(0x1b);
const CSI = String.fromCharCode(0x9b);

/** Invisible characters: controls, soft hyphens, zero-width and bidirectional marks. */
const UNSEEN = String.raw`\x00-\x08\x0e-\x1a\x7f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff`;
/** The forms of the escape character. `cat -v` and echoing terminals show it as a caret and a bracket. */
const ESC = String.raw`(?:\x1b|\^\[(?=[[\]])|\\+(?:u001[bB]|x1[bB]|033|e(?=[[\]]))|%(?:25)*1[bB])`;
/** CSI, OSC (its content is bounded), character sets, and the short ones: ECMA-48, and what xterm adds. */
const ANSI = String.raw`${ESC}(?:\[[0-?]{0,64}[ -/]{0,4}[@-~]|\][^\x07\x1b\r\n]{0,2048}?(?:\x07|${ESC}\\+|\\+u0007|\\+a)|[()][0-9A-Z]|[=>78@-Z\\^_])|\x9b[0-?]{0,64}[ -/]{0,4}[@-~]`;
/**
 * Escapes of JSON, C and shell strings. Any number of backslashes counts as one, so that JSON in JSON is decoded like JSON.
 */
const BACKSLASH = String.raw`\\+(?:u(?<u>[0-9a-fA-F]{4})|u\{0{0,4}(?<brace>[0-9a-fA-F]{1,4})\}|(?<octal>[01]?[0-7]{2})|x(?<x>[0-9a-fA-F]{2})|(?<c>[nrtbfv"'/\x60]))|(?<run>\\{2,})`;
/** Escapes of URLs, even if encoded more than once. */
const PERCENT = '%(?:25)*(?<p>[0-9a-fA-F]{2})';
const ENTITY =
  '&(?:(?<named>quot|amp|apos|lt|gt)|#0{0,8}(?<dec>[0-9]{1,5})|#x0{0,8}(?<hex>[0-9a-fA-F]{1,4}));';
/** A character that the next one overwrites: `man` prints bold and underlined characters twice. */
const OVERSTRUCK = String.raw`[^\n\x08]\x08`;
const ENCODED = new RegExp(`${ANSI}|${BACKSLASH}|${PERCENT}|${ENTITY}|${OVERSTRUCK}|[${UNSEEN}]`, 'g');

const MARK = new RegExp(`[\\\\%&${UNSEEN}${ESCAPE}${CSI}]|\\^\\[`);

const CONTROL: Record<string, string> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f', v: '\v' };
const NAMED: Record<string, string> = { quot: '"', amp: '&', apos: "'", lt: '<', gt: '>' };

/**
 * Removes terminal sequences and invisible characters, and decodes JSON, URL and HTML escapes. Returns undefined if there are
 * none.
 */
export function plainView(text: string): View | undefined {
  if (!MARK.test(text)) return undefined;
  const builder = new ViewBuilder(text);
  for (const match of text.matchAll(ENCODED)) {
    builder.put(match.index, match.index + match[0].length, decode(match.groups ?? {}));
  }
  return builder.isVerbatim ? undefined : builder.build();
}

function decode(groups: Record<string, string | undefined>): string {
  const { c, named, dec, run } = groups;
  const code = groups.u ?? groups.brace ?? groups.x ?? groups.p ?? groups.hex;
  if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
  if (groups.octal !== undefined) return String.fromCharCode(Number.parseInt(groups.octal, 8));
  if (c !== undefined) return CONTROL[c] ?? c;
  if (named !== undefined) return NAMED[named] ?? '';
  if (dec !== undefined) return String.fromCharCode(Number(dec));
  return run === undefined ? '' : '\\';
}

/** Builds a view from raw text and its replaced parts, in order. */
class ViewBuilder {
  readonly #raw: string;
  readonly #parts: string[] = [];
  /** The start of each segment in the view and in the raw text, and the number of raw characters for one character. */
  readonly #views: number[] = [];
  readonly #raws: number[] = [];
  readonly #widths: number[] = [];
  #length = 0;
  #done = 0;

  constructor(raw: string) {
    this.#raw = raw;
  }

  get isVerbatim(): boolean {
    return this.#done === 0;
  }

  /** Adds `shown` (at most one character) for a part of the raw text. */
  put(from: number, to: number, shown: string): void {
    this.#keepUntil(from);
    if (shown !== '') this.#add(shown, from, to - from);
    this.#done = to;
  }

  build(): View {
    this.#keepUntil(this.#raw.length);
    return { text: this.#parts.join(''), toRaw: ([from, to]) => [this.#start(from), this.#end(to)] };
  }

  #keepUntil(raw: number): void {
    if (raw > this.#done) this.#add(this.#raw.slice(this.#done, raw), this.#done, 1);
  }

  #add(text: string, raw: number, width: number): void {
    this.#views.push(this.#length);
    this.#raws.push(raw);
    this.#widths.push(width);
    this.#parts.push(text);
    this.#length += text.length;
  }

  #start(index: number): number {
    const at = this.#segment(index);
    return (this.#raws[at] ?? 0) + (index - (this.#views[at] ?? 0)) * (this.#widths[at] ?? 1);
  }

  #end(index: number): number {
    const at = this.#segment(index - 1);
    return (this.#raws[at] ?? 0) + (index - (this.#views[at] ?? 0)) * (this.#widths[at] ?? 1);
  }

  /** Returns the last segment that begins at or before `index`. */
  #segment(index: number): number {
    let low = 0;
    let high = this.#views.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#views[middle] ?? 0) <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
