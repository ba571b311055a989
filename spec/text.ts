/**
 * Cuts text to a maximum length, only between visible characters. Lengths are UTF-16 units, as `length` counts them.
 */

const segmenter = new Intl.Segmenter();

/**
 * The number of units to examine around a cut. A longer "character" consists of many combining marks and is cut between its
 * code points.
 */
const LONGEST_CHARACTER = 256;

/** Returns the last place at or before `at` that is between two characters. */
export function cutPlace(text: string, at: number): number {
  if (at <= 0) return 0;
  if (at >= text.length) return text.length;
  const from = codePointStart(text, Math.max(0, at - LONGEST_CHARACTER));
  const around = text.slice(from, at + LONGEST_CHARACTER);
  const start = from + (segmenter.segment(around).containing(at - from)?.index ?? 0);
  return start === from && from > 0 ? codePointStart(text, at) : start;
}

function codePointStart(text: string, at: number): number {
  const isInside = isLowSurrogate(text.charCodeAt(at)) && isHighSurrogate(text.charCodeAt(at - 1));
  return isInside ? at - 1 : at;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}

/** The beginning of a text, at most `max` units. */
export function cut(text: string, max: number): string {
  return text.length <= max ? text : text.slice(0, cutPlace(text, max));
}

/** Like {@link cut}, but ends a cut text with `…`, which is part of the maximum length. */
export function clip(text: string, max: number): string {
  return text.length <= max ? text : `${cut(text, max - 1)}…`;
}

/** The end of a text, at most `max` units. */
export function cutStart(text: string, max: number): string {
  if (text.length <= max) return text;
  let from = text.length - max;
  // Find the first valid place at or after the wanted place.
  while (from < text.length && cutPlace(text, from) !== from) from += 1;
  return text.slice(from);
}

/** The beginning of a text, at most `maxBytes` bytes of UTF-8. */
export function cutToBytes(text: string, maxBytes: number): string {
  // A unit has at most three bytes.
  if (text.length * 3 <= maxBytes) return text;
  let bytes = 0;
  let at = 0;
  for (const character of text) {
    bytes += utf8Length(character.codePointAt(0) ?? 0);
    if (bytes > maxBytes) return text.slice(0, cutPlace(text, at));
    at += character.length;
  }
  return text;
}

function utf8Length(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}

/**
 * Converts a text to one line. Control characters and line breaks become spaces, because they could move a cursor or
 * hide words.
 */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}

/** An instant for a sentence: UTC to the minute. */
export function utcMinute(instant: number): string {
  return `${new Date(instant).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** Joins two sentences. Adds a full stop to the first sentence if it has none. */
export function sentences(first: string, second: string): string {
  const words = first.trim();
  return `${/[.!?…)]$/.test(words) ? words : `${words}.`} ${second}`;
}

/** A size for people, such as `12.3 MB`. */
export function bytesWords(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${Math.round(bytes / 1000)} kB`;
  if (bytes < 1_000_000_000) return `${(bytes / 1_000_000).toFixed(1)} MB`;
  return `${(bytes / 1_000_000_000).toFixed(1)} GB`;
}
