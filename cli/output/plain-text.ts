/** Multi-line foreign text without terminal controls. */

import { stripVTControlCharacters } from 'node:util';

/** Removes control characters and bidirectional marks. Keeps newlines and tabs. */
export function plainText(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll(/\r\n?/g, '\n')
    .replaceAll(/\p{Cc}|\p{Bidi_Control}/gu, (unit) => (unit === '\n' || unit === '\t' ? unit : ''));
}
