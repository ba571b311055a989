/** One-time links that create an account: the set-up of the first operator, and invitations. */

import { accept, type Result, refuse } from '../../spec/errors.ts';
import { sha256 } from '../accounts/passwords.ts';
import type { Deps } from '../base/deps.ts';
import type { User } from '../store/accounts.ts';
import { type OpenLink, readOpenLink, redeemForAccount } from '../store/one-time-links.ts';
import type { LinkPurpose } from '../store/schema.ts';
import { type AccountForm, checkForm, complete, emailTaken } from './new-account.ts';

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
