/** Checks the values for a new account, before anything is hashed or written. */

import { accept, type Result, refuse } from '../../spec/errors.ts';
import { checkNewPassword, hashInTurn } from '../accounts/new-password.ts';
import type { Deps } from '../base/deps.ts';
import type { LinkAccount } from '../store/one-time-links.ts';

export interface AccountForm {
  email: string;
  name: string;
  password: string;
  /** The address of the client. */
  address: string;
}

const LONGEST_EMAIL = 254;
const LONGEST_NAME = 100;
/** Control characters and characters that reorder a line. With them, a name or an address could look like another. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const ADDRESS = /^[^\s@'"<>]+@[^\s@'"<>]+$/u;

/** Checks an e-mail address. Returns it in lower case, because the sign-in looks addresses up in lower case. */
export function checkEmail(given: string): Result<string, 'invalid_input'> {
  const email = given.trim().toLowerCase();
  if (email.length <= LONGEST_EMAIL && ADDRESS.test(email) && !HIDDEN.test(email)) return accept(email);
  return refuse('invalid_input', 'email must be an e-mail address.', 'For example you@example.org.');
}

function checkName(given: string): Result<string, 'invalid_input'> {
  const name = given.trim();
  if (name !== '' && name.length <= LONGEST_NAME && !HIDDEN.test(name)) return accept(name);
  return refuse(
    'invalid_input',
    `name must have 1 to ${LONGEST_NAME} visible characters.`,
    'Give the name that others see.',
  );
}

export type Checked = Omit<LinkAccount, 'id' | 'passwordHash'>;

export function checkForm(form: AccountForm): Result<Checked, 'invalid_input'> {
  const email = checkEmail(form.email);
  if (!email.ok) return email;
  const name = checkName(form.name);
  if (!name.ok) return name;
  const password = checkNewPassword(form.password, 'password');
  return password.ok ? accept({ email: email.value, name: name.value }) : password;
}

/** Returns the account with its id and the hash of its password. */
export async function complete(
  deps: Deps,
  checked: Checked,
  { password, address }: AccountForm,
): Promise<Result<LinkAccount, 'unavailable'>> {
  const hashed = await hashInTurn(address, password);
  return hashed.ok ? accept({ ...checked, id: deps.newId('user'), passwordHash: hashed.value }) : hashed;
}

/** The refusal if the address already has an account. It does not reveal more than that. */
export function emailTaken() {
  return refuse(
    'record_changed',
    'This e-mail address cannot be used for a new account.',
    'If you have an account, sign in. Otherwise give another address.',
  );
}
