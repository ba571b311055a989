/** Checks and hashes the passwords that people choose. */

import { accept, type Result, refuse } from '../../spec/errors.ts';
import { hashPassword } from './passwords.ts';
import { inPasswordTurn } from './sign-in.ts';

/** At the rate that the sign-in allows, nobody can guess a password of twelve characters. */
const SHORTEST = 12;
const LONGEST = 1024;

/** Checks a new password. `field` is its name in the form or the body. */
export function checkNewPassword(password: string, field: string): Result<undefined, 'invalid_input'> {
  if (password.length >= SHORTEST && password.length <= LONGEST) return accept(undefined);
  return refuse(
    'invalid_input',
    `${field} must have ${SHORTEST} to ${LONGEST} characters.`,
    'Use several words, or let a password manager create a password.',
  );
}

/** Waits in the queue for expensive work, then hashes a password. `key` is the address of the client. */
export async function hashInTurn(key: string, password: string): Promise<Result<string, 'unavailable'>> {
  const hash = await inPasswordTurn(key, () => hashPassword(password));
  if (hash !== undefined) return accept(hash);
  return refuse('unavailable', 'Too many sign-ins at the same time.', 'Try again in a moment.');
}
