/** One-time links with which a person who forgot their password sets a new one. An operator creates them for one day. */

import { accept, type Result } from '../../spec/errors.ts';
import { forgetToken, type SignedIn } from '../accounts/authenticate.ts';
import { checkNewPassword, hashInTurn } from '../accounts/new-password.ts';
import { newLinkToken, sha256 } from '../accounts/passwords.ts';
import type { Deps } from '../base/deps.ts';
import { closeOwnChannels, tokenMark } from '../base/notify.ts';
import { auditOrder } from '../store/audit.ts';
import { addLink, isLink, redeemForPassword, revokePasswordLinks } from '../store/one-time-links.ts';
import { findAccount } from './accounts.ts';
import { brokenLink, showLink } from './redeem.ts';

export const PASSWORD_LINK_MS = 24 * 60 * 60_000;

/**
 * Creates a link, which replaces an older link of the account. Only this answer contains the token. The operator never
 * sees the password.
 */
export async function makePasswordLink(
  deps: Deps,
  operator: SignedIn,
  { accountId, reason, source }: { accountId: string; reason: string | undefined; source: string },
): Promise<Result<{ token: string; expiresAt: string; email: string }, 'not_found'>> {
  const account = await findAccount(deps, accountId);
  if (!account.ok) return account;
  const { id: userId, email } = account.value;
  const token = newLinkToken();
  const hash = await sha256(token);
  const expiresAt = deps.now + PASSWORD_LINK_MS;
  const link = { hash, purpose: 'password', role: null, email: null, userId, expiresAt } as const;
  const entry = { at: deps.now, userId, actor: operator.id, source, subject: tokenMark(hash) } as const;
  await deps.db.batch([
    revokePasswordLinks(userId, deps.now),
    addLink({ ...link, createdBy: operator.id, createdAt: deps.now }, TRUE),
    auditOrder({ ...entry, action: 'password_link', detail: reason }, isLink(hash)),
  ]);
  deps.log('password_link_made', { userId, by: operator.id });
  return accept({ token, expiresAt: new Date(expiresAt).toISOString(), email });
}

const TRUE = { sql: 'TRUE', values: [] };

export interface PasswordReset {
  token: string;
  password: string;
  address: string;
  source: string;
}

/** Sets the password and signs out every device of the account. A link works only once. */
export async function resetPassword(
  deps: Deps,
  { token, password, address, source }: PasswordReset,
): Promise<Result<{ signedOut: number }, 'invalid_input' | 'not_found' | 'unavailable'>> {
  const allowed = checkNewPassword(password, 'password');
  if (!allowed.ok) return allowed;
  const shown = await showLink(deps, { token, purpose: 'password' });
  if (!shown.ok) return shown;
  const hashed = await hashInTurn(address, password);
  if (!hashed.ok) return hashed;
  const reset = await redeemForPassword(
    deps.db,
    { hash: await sha256(token), now: deps.now },
    { use: deps.newId('request'), passwordHash: hashed.value, source },
  );
  if (reset === undefined) return brokenLink('password');
  const { userId, revoked } = reset;
  for (const hash of revoked) forgetToken(hash);
  deps.later(closeOwnChannels(deps, userId));
  deps.log('password_reset', { userId, signedOut: revoked.length });
  return accept({ signedOut: revoked.length });
}
