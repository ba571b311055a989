/** Control characters in the texts of a server, and how a test sees that none of them steers a terminal. */

/** A title for the window, a cursor that moves, C1, DEL, a turned direction, a carriage return. */
export const EVIL = '\u001b]0;owned\u0007\u001b[2J\u009b31m\u007f\u202e\u2066\r\u0000';

/** What our own marks and colors look like: nothing else of this kind may be there. */
const ESC = '\u001b';
const OURS = new RegExp(`${ESC}\\[(?:\\d{1,2}m|J)|\\r(?=[\\r\\n]|${ESC}\\[J|$)`, 'g');
export const STEERING = /[^\P{Cc}\n\t]|\p{Bidi_Control}/u;

/** The words that a program branches on: with anything else in them an answer is not understood. */
export const WORDS = [
  'kind',
  'status',
  'onLeaseLoss',
  'sessionFallback',
  'type',
  'stream',
  'level',
  'code',
  'sort',
  'transport',
];

/** Puts the characters into every text of an answer but those that are spared. */
export function poison(value: unknown, spared: readonly string[], key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => poison(item, spared, key));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, poison(item, spared, name)]),
    );
  }
  return typeof value === 'string' && !spared.includes(key) ? `${value}${EVIL}` : value;
}

/** Returns whether anything in what a terminal got steers it, our own marks aside. */
export function steering(output: string): string | undefined {
  return STEERING.exec(output.replaceAll(OURS, ''))?.[0];
}
