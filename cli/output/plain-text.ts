/** Text of others, over several lines, that cannot steer the terminal. */

import { stripVTControlCharacters } from 'node:util';

/** Removes what a terminal would obey, and marks that turn the direction of writing. Newlines and tabs stay. */
export function plainText(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll(/\r\n?/g, '\n')
    .replaceAll(/\p{Cc}|\p{Bidi_Control}/gu, (unit) => (unit === '\n' || unit === '\t' ? unit : ''));
}

/**
 * Text of others stays on its line and cannot steer the terminal: control characters, line separators and marks that
 * change the direction of writing are shown escaped.
 */
export function oneLine(text: string): string {
  return text.replace(
    /\p{Cc}|\p{Zl}|\p{Zp}|\p{Bidi_Control}/gu,
    (unit) => ESCAPES[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const ESCAPES: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
