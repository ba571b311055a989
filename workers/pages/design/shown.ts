/**
 * Makes untrusted text legible: prompts, output, titles, names. JSX already escapes markup. This file replaces characters
 * that could hide or move words with a visible mark, and cuts texts that are too long.
 */

import { clip, cutPlace } from '../../../spec/text.ts';

/** Longer lines are cut. A mark says how many characters are missing. */
const LINE_LIMIT = 2000;

/** Converts a text and keeps its line breaks. */
export function shown(text: string, limit = Number.POSITIVE_INFINITY): string {
  const lines = marked(cutWithMark(text.replace(/\r\n|[\u2028\u2029\u0085]/g, '\n'), limit)).split('\n');
  return lines.map((line) => cutWithMark(line, LINE_LIMIT)).join('\n');
}

/** Converts a text to one line, for titles and lists. */
export function shownLine(text: string, limit = 200): string {
  const start = text.slice(0, limit * 4);
  return clip(marked(start.replace(/[\s\u2028\u2029\u0085]+/g, ' ')).trim(), limit);
}

function cutWithMark(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const at = cutPlace(text, limit);
  return `${text.slice(0, at)}… (${(text.length - at).toLocaleString('en')} more characters)`;
}

/**
 * Matches control characters except tab and line break, and characters that are invisible or reorder the text around them.
 * It does not match joiners, soft hyphens and the signs of Arabic numbers, because ordinary text needs them.
 */
const HIDDEN = /(?![\t\n\u00ad\u0600-\u0605\u06dd\u200c\u200d])[\p{Cc}\p{Cf}\u115f\u1160\u3164\uffa0]/gu;
/** Matches more marks on one letter than any language uses. Such marks would cover the lines above and below. */
const STACKED_MARKS = /(\p{M}{6})\p{M}+/gu;

function marked(text: string): string {
  return text.toWellFormed().replace(HIDDEN, markOf).replace(STACKED_MARKS, '$1');
}

function markOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return '␡';
  return `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
}
