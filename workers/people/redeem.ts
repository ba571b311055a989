/** One-time links that create an account: the set-up of the first operator, and invitations. */

import { accept, type Result, refuse } from '../../spec/errors.ts';
import { checkNewPassword, hashInTurn } from '../accounts/new-password.ts';
import { sha256 } from '../accounts/passwords.ts';
import type { Deps } from '../base/deps.ts';
import type { User } from '../store/accounts.ts';
import { type LinkAccount, type OpenLink, readOpenLink, redeemForAccount } from '../store/one-time-links.ts';
import type { LinkPurpose } from '../store/schema.ts';

export type AccountPurpose = Extract<LinkPurpose, 'setup' | 'invitation'>;

const REMEDY: Record<LinkPurpose, string> = {
  setup:
    'If this server has no operator yet, run npm run operator or npm start, which print a new link. Otherwise ask an operator for an invitation.',
  invitation: 'Ask an operator of this server for a new one.',
  password: 'Ask an operator of this server for a new one.',
};

/** The refusal is the same for every reason, so that nobody learns which tokens existed. */
export function brokenLink(purpose: LinkPurpose) {
  return refuse(
    'not_found',
    'This link does not work. It was already used, it has expired, or a part of it is missing.',
    REMEDY[purpose],
  );
}

/** Returns the facts for the page of a link, before the person sends the form. Changes nothing. */
export async function showLink(
  deps: Deps,
  { token, purpose }: { token: string; purpose: LinkPurpose },
): Promise<Result<OpenLink, 'not_found'>> {
  const link = await readOpenLink(deps.db, { hash: await sha256(token), purpose, now: deps.now });
  return link === undefined ? brokenLink(purpose) : accept(link);
}

export interface Redeem extends AccountForm {
  token: string;
  /** Address and program, for the audit log. */
  source: string;
}

/** Creates the account of a link, only once. The password is hashed only if the link is valid. */
export async function redeem(
  deps: Deps,
  purpose: AccountPurpose,
  form: Redeem,
): Promise<Result<User, 'invalid_input' | 'not_found' | 'record_changed' | 'unavailable'>> {
  const checked = checkForm(form);
  if (!checked.ok) return checked;
  const shown = await showLink(deps, { token: form.token, purpose });
  if (!shown.ok) return shown;
  const { email } = shown.value;
  if (email !== null && email !== checked.value.email) {
    return refuse(
      'invalid_input',
      'email: this invitation is for another address.',
      'Enter the e-mail address to which the invitation was sent.',
    );
  }
  const account = await complete(deps, checked.value, form);
  if (!account.ok) return account;
  const key = { hash: await sha256(form.token), purpose, now: deps.now };
  const made = await redeemForAccount(deps.db, key, { account: account.value, source: form.source });
  if (made === undefined) {
    const isOpen = (await readOpenLink(deps.db, key)) !== undefined;
    return isOpen ? emailTaken() : brokenLink(purpose);
  }
  deps.log('account_created', { userId: made.id, role: made.role, purpose });
  return accept(made);
}

/**
 * The set-up of the first operator. `npm start` and `npm run operator` print a one-time link, which is valid for a day. If
 * the server already has an operator, the link does not work.
 */
export function setUp(deps: Deps, form: Redeem): ReturnType<typeof redeem> {
  return redeem(deps, 'setup', form);
}

/** Checks the values for a new account, before anything is hashed or written. */
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

/** The refusal if the address already has an account. It reveals nothing else about that account. */
export function emailTaken() {
  return refuse(
    'record_changed',
    'This e-mail address cannot be used for a new account.',
    'If you have an account, sign in. Otherwise give another address.',
  );
}
