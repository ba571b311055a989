/**
 * Makes text of strangers legible: prompts, output, titles, names. JSX escapes markup; here, what could hide or move words
 * becomes a visible mark, and what has no end gets one.
 */

import { clip, cutPlace } from '../../../spec/text.ts';

/** Longer lines are cut with a mark that says how much is missing. */
const LINE_LIMIT = 2000;

/** Text that keeps its line breaks. */
export function shown(text: string, limit = Number.POSITIVE_INFINITY): string {
  const lines = marked(cutWithMark(text.replace(/\r\n|[\u2028\u2029\u0085]/g, '\n'), limit)).split('\n');
  return lines.map((line) => cutWithMark(line, LINE_LIMIT)).join('\n');
}

/** One line, for titles and lists. */
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
 * Control characters except tab and line break, and characters that show nothing or reorder what is around them. The joiners
 * and soft hyphens of writing, and the signs of Arabic numbers, stay.
 */
const HIDDEN = /(?![\t\n\u00ad\u0600-\u0605\u06dd\u200c\u200d])[\p{Cc}\p{Cf}\u115f\u1160\u3164\uffa0]/gu;
/** More marks on one letter than any language writes would cover the lines around it. */
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
