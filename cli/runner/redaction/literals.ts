/** Finds known values in text, in plain form and in the encodings that tools print. */

import { plainView, type Stretch } from './view.ts';

/** Shorter values (`1`, `true`, `oauth`) occur in ordinary text. */
export const MIN_SECRET_CHARS = 8;

/**
 * The size of a table of the first two characters of each form. The search compares the first eight characters only after a match in this
 * table.
 */
const TABLE_SIZE = 1 << 16;

/** All forms of some values, prepared for a search that needs one pass over a text for any number of values. */
export class Literals {
  /** All forms, longest first. */
  readonly forms: readonly string[];
  /** The values that have several lines. */
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

  /** Returns every occurrence, in order. Occurrences may overlap. */
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
   * Returns the length of the end of `text` that probably begins a value: at least eight characters, or half of a short
   * value.
   */
  openEnd(text: string): number {
    let longest = 0;
    for (const form of this.forms) {
      const least = Math.min(MIN_SECRET_CHARS, Math.ceil(form.length / 2));
      longest = Math.max(longest, overlap(text, form, least));
    }
    return longest;
  }

  /** Returns the length of the end of `text` that may begin a value of several lines. */
  openLines(text: string): number {
    return Math.max(0, ...this.multiline.map((value) => overlap(text, value, value.indexOf('\n') + 1)));
  }
}

/** Returns the length of the longest end of `text` that begins `form`, if it has at least `least` characters. */
function overlap(text: string, form: string, least: number): number {
  for (let size = Math.min(text.length, form.length - 1); size >= least; size -= 1) {
    if (text.endsWith(form.slice(0, size))) return size;
  }
  return 0;
}

function slot(text: string, at: number): number {
  return (text.charCodeAt(at) * 31 + text.charCodeAt(at + 1) * 257) & (TABLE_SIZE - 1);
}

/** Returns a value and its parts that may appear alone: its lines, or the strings inside if it is JSON. */
function partsOf(value: string): string[] {
  const whole = value.trim();
  const parts = stringsOfJson(whole) ?? whole.split(/\r?\n/).map((line) => line.trim());
  return [whole, ...parts.filter((part) => !/^-----/.test(part))].filter(
    (part) => part.length >= MIN_SECRET_CHARS,
  );
}

/**
 * Returns the long random strings of a JSON document, such as a key of a service account. Other strings are names and types.
 */
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

/** Hex with separators, as in dumps and fingerprints. */
function separated(hex: string, between: string): string[] {
  const dump = hex.replace(/..(?=.)/g, `$&${between}`);
  return [dump, dump.toUpperCase()];
}

/**
 * Returns the base64 characters that depend only on the value, for each of the three alignments. Base64 text that encodes the
 * value at any position contains one of them.
 */
function base64Cores(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    const core = encoded.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6));
    return [core, core.replaceAll('+', '-').replaceAll('/', '_')];
  });
}
