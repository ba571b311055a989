/**
 * The short code that a person copies from a terminal. It has eight letters, which are easy to tell apart and form no
 * words.
 */

const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ';
const LENGTH = 8;
/** Higher bytes are not used, because some letters would be more likely than others. */
const FAIR = 256 - (256 % LETTERS.length);

export function newUserCode(): string {
  let code = '';
  while (code.length < LENGTH) {
    const [byte = FAIR] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < FAIR) code += LETTERS.charAt(byte % LETTERS.length);
  }
  return code;
}

/** Reads a typed code, in upper or lower case, with or without the dash. Returns undefined if it cannot be a code. */
export function readUserCode(typed: string): string | undefined {
  const code = typed.slice(0, 64).replace(/[\s-]/g, '').toUpperCase();
  return code.length === LENGTH && [...code].every((letter) => LETTERS.includes(letter)) ? code : undefined;
}

/** Returns the code in the form `WDJB-MJHT`. */
export function shownUserCode(code: string): string {
  return `${code.slice(0, LENGTH / 2)}-${code.slice(LENGTH / 2)}`;
}
