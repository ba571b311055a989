/** Text of others, over several lines, that cannot steer the terminal. */

import { stripVTControlCharacters } from 'node:util';

/** Removes what a terminal would obey, and marks that turn the direction of writing. Newlines and tabs stay. */
export function plainText(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll(/\r\n?/g, '\n')
    .replaceAll(/\p{Cc}|\p{Bidi_Control}/gu, (unit) => (unit === '\n' || unit === '\t' ? unit : ''));
}
