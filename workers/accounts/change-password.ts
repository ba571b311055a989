/** Changes a person's own password. All other browsers of the account must then sign in again. */

import { accept, type Result, refuse } from '../../spec/errors.ts';
import type { Deps } from '../base/deps.ts';
import { replacePassword } from '../store/accounts.ts';
import { noteSignIn } from '../store/audit.ts';
import type { SignedIn } from './authenticate.ts';
import { revokeOthers } from './devices.ts';
import { hashPassword } from './passwords.ts';
import { checkOwnPassword, inPasswordTurn } from './sign-in.ts';
import type { SignInAttempt } from './sign-in-limits.ts';

/** Twelve characters withstand guessing at the pace that the sign-in allows. */
const SHORTEST = 12;
const LONGEST = 1024;

export interface PasswordChange extends Omit<SignInAttempt, 'email'> {
  current: string;
  next: string;
}

/** How many browsers were signed out. */
export async function changePassword(
  deps: Deps,
  user: SignedIn,
  change: PasswordChange,
): Promise<
  Result<
    number,
    'invalid_input' | 'invalid_credentials' | 'too_many_attempts' | 'unavailable' | 'record_changed'
  >
> {
  const { current, next, source, address } = change;
  if (next.length < SHORTEST || next.length > LONGEST) {
    return refuse(
      'invalid_input',
      `The new password must have ${SHORTEST} to ${LONGEST} characters.`,
      'Take several words, or let a password manager make one.',
    );
  }
  const checked = await checkOwnPassword(deps, { ...change, email: user.email, password: current });
  if (!checked.ok) return checked;
  const hashed = await inPasswordTurn(address, () => hashPassword(next));
  if (hashed === undefined) {
    return refuse('unavailable', 'Too many sign-ins at the same time.', 'Try again in a moment.');
  }
  const { passwordHash: from } = checked.value;
  if (!(await replacePassword(deps.db, user.id, { from, to: hashed }))) {
    return refuse(
      'record_changed',
      'The password was changed elsewhere meanwhile.',
      'Sign in with the new one.',
    );
  }
  const entry = { at: deps.now, userId: user.id, source, subject: 'password', detail: undefined };
  await noteSignIn(deps.db, { ...entry, action: 'password_changed' });
  return accept(await revokeOthers(deps, user, { onlyBrowsers: true, source }));
}
