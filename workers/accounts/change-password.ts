/** Changes a person's own password. All other browsers of the account must then sign in again. */

import { accept, type Result, refuse } from '../../spec/errors.ts';
import type { Deps } from '../base/deps.ts';
import { replacePassword } from '../store/accounts.ts';
import { noteSignIn } from '../store/audit.ts';
import type { SignedIn } from './authenticate.ts';
import { revokeOthers } from './devices.ts';
import { checkNewPassword, hashInTurn } from './new-password.ts';
import { checkOwnPassword } from './sign-in.ts';
import type { SignInAttempt } from './sign-in-limits.ts';

export interface PasswordChange extends Omit<SignInAttempt, 'email'> {
  current: string;
  next: string;
  /** If true, the other terminals are also signed out, and not only the other browsers. */
  revokeOthers?: boolean | undefined;
}

/** Changes the password. Returns the number of devices that were signed out. */
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
  const allowed = checkNewPassword(next, 'The new password');
  if (!allowed.ok) return allowed;
  const checked = await checkOwnPassword(deps, { ...change, email: user.email, password: current });
  if (!checked.ok) return checked;
  const hashed = await hashInTurn(address, next);
  if (!hashed.ok) return hashed;
  const { passwordHash: from } = checked.value;
  if (!(await replacePassword(deps.db, user.id, { from, to: hashed.value }))) {
    return refuse(
      'record_changed',
      'The password was changed elsewhere in the meantime.',
      'Sign in with the new password.',
    );
  }
  const entry = { at: deps.now, userId: user.id, source, subject: 'password', detail: undefined };
  await noteSignIn(deps.db, { ...entry, action: 'password_changed' });
  return accept(await revokeOthers(deps, user, { onlyBrowsers: change.revokeOthers !== true, source }));
}
