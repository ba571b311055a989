/** The short code that a person copies from a terminal: eight letters, none of which looks like another or forms words. */

const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ';
const LENGTH = 8;
/** Bytes from here on would make some letters likelier than others. */
const FAIR = 256 - (256 % LETTERS.length);

export function newUserCode(): string {
  let code = '';
  while (code.length < LENGTH) {
    const [byte = FAIR] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < FAIR) code += LETTERS.charAt(byte % LETTERS.length);
  }
  return code;
}

/** What a person typed, in any case, with or without its dash. Undefined: no such code can exist. */
export function readUserCode(typed: string): string | undefined {
  const code = typed.slice(0, 64).replace(/[\s-]/g, '').toUpperCase();
  return code.length === LENGTH && [...code].every((letter) => LETTERS.includes(letter)) ? code : undefined;
}

/** `WDJB-MJHT` */
export function shownUserCode(code: string): string {
  return `${code.slice(0, LENGTH / 2)}-${code.slice(LENGTH / 2)}`;
}
