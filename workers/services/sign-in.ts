/** Sign-in and sign-out. */

import type { Result } from '../../spec/errors.ts';
import { accept, refuse } from '../../spec/errors.ts';
import { cut } from '../../spec/text.ts';
import type { Deps } from '../deps.ts';
import type { User } from '../store/accounts.ts';
import * as accounts from '../store/accounts.ts';
import type { SignedIn } from './authenticate.ts';
import { forgetToken } from './authenticate.ts';
import { isPassword, newCode, newToken, sameDigest, sha256 } from './passwords.ts';
import { closeChannelsOf } from './revoke-channels.ts';

const WINDOW_MS = 15 * 60_000;
const ACCOUNT_LIMIT = 10;
const ADDRESS_LIMIT = 50;

export interface SignInAttempt {
  email: string;
  deviceName: string;
  /** Where it comes from; limits guessing at many accounts. */
  address: string;
}

/** A token at once, or word that a code was sent. */
export type SignInReply =
  | { kind: 'token'; token: string; user: User }
  | { kind: 'code_sent'; maskedEmail: string; expiresAt: number };

export async function signIn(
  deps: Deps,
  attempt: SignInAttempt & { password: string },
): Promise<Result<SignInReply, 'invalid_credentials' | 'too_many_attempts' | 'unavailable'>> {
  const email = attempt.email.toLowerCase();
  if (await isLimited(deps, email, attempt.address)) return tooMany();
  const user = await accounts.userByEmail(deps.db, email);

  if (!(await isPassword(attempt.password, user?.passwordHash)) || user === undefined) {
    return refuse(
      'invalid_credentials',
      'E-mail and password do not belong together.',
      'Check both and sign in again.',
    );
  }
  const { passwordHash: _secret, ...person } = user;
  if (deps.settings.signInCodeWebhook === undefined) {
    return accept({ kind: 'token', token: await issueToken(deps, person, attempt), user: person });
  }
  return sendCode(deps, email, deps.settings.signInCodeWebhook);
}

const CODE_LIFE_MS = 10 * 60_000;
const CODE_TRIES = 5;

async function sendCode(
  deps: Deps,
  email: string,
  webhook: string,
): Promise<Result<SignInReply, 'unavailable'>> {
  const code = newCode();
  const expiresAt = deps.now + CODE_LIFE_MS;
  await accounts.putCode(deps.db, email, { codeHash: await sha256(`${email}:${code}`), expiresAt });
  const sent = await fetch(webhook, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, code, expiresAt: new Date(expiresAt).toISOString() }),
  }).catch(() => undefined);
  if (!sent?.ok) {
    deps.log('sign_in_code_not_sent', { status: sent?.status });
    return refuse('unavailable', 'The sign-in code could not be sent.', 'Try again in a minute.');
  }
  return accept({ kind: 'code_sent', maskedEmail: maskEmail(email), expiresAt });
}

export async function verifyCode(
  deps: Deps,
  attempt: SignInAttempt & { code: string },
): Promise<Result<{ token: string; user: User }, 'invalid_code' | 'too_many_attempts'>> {
  const email = attempt.email.toLowerCase();
  if (await isLimited(deps, email, attempt.address)) return tooMany();
  const codeHash = await sha256(`${email}:${attempt.code}`);
  const known = await accounts.tryCode(deps.db, email, { now: deps.now, maxTries: CODE_TRIES });

  const right = known !== undefined && sameDigest(known.codeHash, codeHash);
  const user =
    right && (await accounts.takeCode(deps.db, email, codeHash))
      ? await accounts.userByEmail(deps.db, email)
      : undefined;
  if (user === undefined) {
    return refuse('invalid_code', 'The code is wrong, used or too old.', 'Sign in again to get a new one.');
  }
  const { passwordHash: _secret, ...person } = user;
  return accept({ token: await issueToken(deps, person, attempt), user: person });
}

/** Revokes the token of this request and closes what it holds open; other isolates forget it within 30 s. */
export async function signOut(deps: Deps, { tokenHash, id }: SignedIn): Promise<void> {
  await accounts.revokeIfActive(deps.db, tokenHash, deps.now);
  forgetToken(tokenHash);
  await closeChannelsOf(deps, { userId: id, tokenHash });
  deps.log('signed_out', { userId: id });
}

async function issueToken(deps: Deps, user: User, { address, deviceName }: SignInAttempt): Promise<string> {
  const token = newToken();
  await accounts.addToken(deps.db, { hash: await sha256(token), userId: user.id, deviceName, now: deps.now });
  await accounts.giveTriesBack(deps.db, subjectsOf(user.email, address));
  deps.log('signed_in', { userId: user.id });
  return token;
}

/** Counts this try, and says whether it is one too many. Whoever succeeds gets it back. */
async function isLimited(deps: Deps, email: string, address: string): Promise<boolean> {
  const [ofAccount = 0, ofAddress = 0] = await accounts.takeTries(deps.db, subjectsOf(email, address), {
    now: deps.now,
    since: deps.now - WINDOW_MS,
  });
  return ofAccount > ACCOUNT_LIMIT || ofAddress > ADDRESS_LIMIT;
}

function subjectsOf(email: string, address: string): string[] {
  return [`account:${email}`, `address:${address}`];
}

function tooMany() {
  return refuse('too_many_attempts', 'Too many failed sign-ins.', 'Wait 15 minutes and sign in again.');
}

/** The first two characters of the local part, the rest as stars. */
function maskEmail(email: string): string {
  const [local = '', domain = ''] = email.split('@');
  const shown = local.length > 2 ? cut(local, 2) : '';
  return `${shown}${'*'.repeat(local.length - shown.length)}@${domain}`;
}
