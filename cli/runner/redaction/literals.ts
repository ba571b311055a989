/** Finds known values in text, as they are and in the encodings that tools print. */

import { plainView, type Stretch } from './view.ts';

/** Shorter values (`1`, `true`, `oauth`) occur in ordinary text. */
export const MIN_SECRET_CHARS = 8;

/** Matching starts with two characters in a table; only a hit there is looked up by its first eight. */
const TABLE_SIZE = 1 << 16;

/** Every form of some values, ready to be searched for: one pass over a text, however many there are. */
export class Literals {
  /** All forms, longest first. */
  readonly forms: readonly string[];
  /** Values that stretch over several lines. */
  readonly multiline: readonly string[];
  readonly #table = new Uint8Array(TABLE_SIZE);
  readonly #byStart = new Map<string, string[]>();

  constructor(values: readonly string[]) {
    const forms = new Set(values.flatMap(partsOf).flatMap(formsOf));
    this.forms = [...forms]
      .filter((form) => form.length >= MIN_SECRET_CHARS)
      .sort((a, b) => b.length - a.length);
    this.multiline = values.map((value) => value.trim()).filter((value) => value.includes('\n'));
    for (const form of this.forms) {
      this.#table[slot(form, 0)] = 1;
      const start = form.slice(0, MIN_SECRET_CHARS);
      this.#byStart.set(start, [...(this.#byStart.get(start) ?? []), form]);
    }
  }

  /** Every occurrence, in order; they may overlap. */
  find(text: string): Stretch[] {
    const found: Stretch[] = [];
    if (this.forms.length === 0) return found;
    const last = text.length - MIN_SECRET_CHARS;
    for (let at = 0; at <= last; at += 1) {
      if (this.#table[slot(text, at)] === 0) continue;
      const form = this.#byStart
        .get(text.slice(at, at + MIN_SECRET_CHARS))
        ?.find((candidate) => text.startsWith(candidate, at));
      if (form !== undefined) found.push([at, at + form.length]);
    }
    return found;
  }

  /**
   * Length of the end of `text` that is likely the beginning of a value: eight characters of it, or half of a short one.
   */
  openEnd(text: string): number {
    let longest = 0;
    for (const form of this.forms) {
      const least = Math.min(MIN_SECRET_CHARS, Math.ceil(form.length / 2));
      longest = Math.max(longest, overlap(text, form, least));
    }
    return longest;
  }

  /** Length of the end of `text` that may be the beginning of a value of several lines, after a line end of it. */
  openLines(text: string): number {
    return Math.max(0, ...this.multiline.map((value) => overlap(text, value, value.indexOf('\n') + 1)));
  }
}

/** Length of the longest end of `text` that is a proper beginning of `form`, if it has at least `least` characters. */
function overlap(text: string, form: string, least: number): number {
  for (let size = Math.min(text.length, form.length - 1); size >= least; size -= 1) {
    if (text.endsWith(form.slice(0, size))) return size;
  }
  return 0;
}

function slot(text: string, at: number): number {
  return (text.charCodeAt(at) * 31 + text.charCodeAt(at + 1) * 257) & (TABLE_SIZE - 1);
}

/** A value, and what of it appears alone: its lines, or the strings inside when it is JSON. */
function partsOf(value: string): string[] {
  const whole = value.trim();
  const parts = stringsOfJson(whole) ?? whole.split(/\r?\n/).map((line) => line.trim());
  return [whole, ...parts.filter((part) => !/^-----/.test(part))].filter(
    (part) => part.length >= MIN_SECRET_CHARS,
  );
}

/** Long strings of a JSON document that look random, such as a service account's; the others are field names and types. */
function stringsOfJson(text: string): string[] | undefined {
  if (!text.startsWith('{')) return undefined;
  const strings: string[] = [];
  try {
    JSON.parse(text, (name, value: unknown) => {
      if (typeof value === 'string' && /key|secret|token|pass|cred/i.test(name))
        strings.push(...value.split('\n'));
      return value;
    });
  } catch {
    return undefined;
  }
  return strings;
}

function formsOf(value: string): string[] {
  const bytes = Buffer.from(value);
  const inJson = JSON.stringify(value).slice(1, -1);
  const hex = bytes.toString('hex');
  return [
    value,
    plainView(value)?.text ?? value,
    inJson,
    JSON.stringify(inJson).slice(1, -1),
    value.replaceAll(' ', '+'),
    encodeURIComponent(value),
    bytes.toString('latin1'),
    hex,
    hex.toUpperCase(),
    ...[':', ' ', '-'].flatMap((between) => separated(hex, between)),
    ...base64Cores(bytes),
  ];
}

/** Hex as dumps and fingerprints print it. */
function separated(hex: string, between: string): string[] {
  const dump = hex.replace(/..(?=.)/g, `$&${between}`);
  return [dump, dump.toUpperCase()];
}

/**
 * What base64 text contains wherever the value lies in what was encoded: the characters that depend on the value alone, for
 * each of the three alignments.
 */
function base64Cores(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    const core = encoded.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6));
    return [core, core.replaceAll('+', '-').replaceAll('/', '_')];
  });
}
