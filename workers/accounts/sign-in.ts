/** Sign-in and sign-out. */

import { accept, type Result, refuse } from '../../spec/errors.ts';
import { cut } from '../../spec/text.ts';
import type { Deps } from '../base/deps.ts';
import { closeChannelsOf, tokenMark } from '../base/notify.ts';
import type { User, UserWithPassword } from '../store/accounts.ts';
import * as accounts from '../store/accounts.ts';
import { noteSignIn } from '../store/audit.ts';
import { forgetToken, type SignedIn } from './authenticate.ts';
import { isPassword, newCode, newToken, sameDigest, sha256 } from './passwords.ts';
import {
  type Counted,
  type Counting,
  codeSubject,
  countTry,
  readCounted,
  type SignInAttempt,
  tooManyAttempts,
} from './sign-in-limits.ts';
import { Turnstile } from './turnstile.ts';

/** A token, or the message that a code was sent. */
export type SignInReply =
  | { kind: 'token'; token: string; user: User }
  | { kind: 'code_sent'; maskedEmail: string; expiresAt: number };

/**
 * One run of scrypt takes 32 MB and almost a second. So runs happen one at a time, and the queue is limited to the time that
 * clients wait.
 */
const passwords = new Turnstile({ atOnce: 1, places: 16, placesOfOne: 8, waitMs: 6000 });
const BUSY_SECONDS = 5;

export async function signIn(
  deps: Deps,
  attempt: SignInAttempt & { password: string },
): Promise<Result<SignInReply, CheckRefusal>> {
  const checked = await checkInTurn(deps, attempt);
  if (!checked.ok) return checked;
  const { counted, user } = checked.value;
  if (user.disabledAt !== null) return disabled(deps, user);
  const { passwordHash: _secret, disabledAt: _never, ...person } = user;
  if (deps.settings.signInCodeWebhook === undefined) {
    const token = await issueToken(deps, person, { attempt, counted });
    return accept({ kind: 'token', token, user: person });
  }
  const email = attempt.email.toLowerCase();
  return sendCode(deps, email, { webhook: deps.settings.signInCodeWebhook, counted });
}

type CheckRefusal = 'invalid_credentials' | 'too_many_attempts' | 'unavailable';
type PasswordAttempt = SignInAttempt & { password: string };

/** Checks a password in its turn, and counts a wrong one. */
async function checkInTurn(
  deps: Deps,
  attempt: PasswordAttempt,
): Promise<Result<{ counted: Counted; user: UserWithPassword }, CheckRefusal>> {
  const email = attempt.email.toLowerCase();
  const door = await enter(deps, email, attempt);
  if (!door.ok) return door;
  const counted = door.value;
  const { network, isKnown } = counted;
  const checked = await passwords.pass({ key: network, isKnown }, () =>
    checkPassword(deps, email, { attempt, counted }),
  );
  if (checked === undefined) return busy(deps, network);
  return checked.value.ok ? accept({ counted, user: checked.value.value }) : checked.value;
}

/** Checks the password of a signed-in person. Counted and slowed down like a sign-in. */
export async function checkOwnPassword(
  deps: Deps,
  attempt: PasswordAttempt,
): Promise<Result<UserWithPassword, CheckRefusal>> {
  const checked = await checkInTurn(deps, attempt);
  if (!checked.ok) return checked;
  await accounts.giveTriesBack(deps.db, checked.value.counted.subjects);
  return accept(checked.value.user);
}

/** Runs scrypt for a signed-in person when it is its turn. Returns undefined if too many requests wait. */
export async function inPasswordTurn<T>(key: string, work: () => Promise<T>): Promise<T | undefined> {
  return (await passwords.pass({ key, isKnown: true }, work))?.value;
}

/** Refuses a client that has failed too often, with one read. */
async function enter(
  deps: Deps,
  email: string,
  attempt: SignInAttempt,
): Promise<Result<Counted, 'too_many_attempts'>> {
  const { counted, blockedUntil } = await readCounted(deps, email, attempt);
  if (blockedUntil === undefined) return accept(counted);
  deps.log('sign_in_refused', { network: counted.network, isKnown: counted.isKnown });
  return tooManyAttempts(deps, blockedUntil);
}

function busy(deps: Deps, network: string) {
  deps.log('sign_in_busy', { network });
  const { refusal } = refuse('unavailable', 'Too many sign-ins at the same time.', 'Try again in a moment.');
  return { ok: false as const, refusal: { ...refusal, retryAfterSeconds: BUSY_SECONDS } };
}

interface Try<Attempt = SignInAttempt> {
  attempt: Attempt;
  counted: Counted;
}

async function checkPassword(
  deps: Deps,
  email: string,
  { attempt, counted }: Try<PasswordAttempt>,
): Promise<Result<UserWithPassword, 'invalid_credentials' | 'too_many_attempts'>> {
  const counting = await countTry(deps, counted);
  if (counting.isOver && counting.until !== undefined) return tooManyAttempts(deps, counting.until);
  const user = await accounts.userByEmail(deps.db, email);
  if ((await isPassword(attempt.password, user?.passwordHash)) && user !== undefined) return accept(user);
  await noteFailure(deps, { user, attempt, counted, counting, what: 'password' });
  return refuse(
    'invalid_credentials',
    'The e-mail address or the password is wrong.',
    'Check both and sign in again.',
  );
}

/** A refusal that is shown only after a correct password. */
function disabled(deps: Deps, { id }: User) {
  deps.log('sign_in_disabled', { userId: id });
  return refuse(
    'invalid_credentials',
    'This account is disabled.',
    'Ask an operator of this server to enable it.',
  );
}

/** A failure for an existing account is audited; the log records every failure. */
async function noteFailure(
  deps: Deps,
  {
    user,
    attempt,
    counted,
    counting,
    what,
  }: Try & {
    user: User | undefined;
    counting: Counting;
    what: 'password' | 'code';
  },
): Promise<void> {
  const action = counting.until === undefined ? 'sign_in_failed' : 'sign_in_limited';
  const { network, isKnown } = counted;
  deps.log(action, { userId: user?.id, network, isKnown, what });
  if (user === undefined) return;
  await noteSignIn(deps.db, {
    at: deps.now,
    userId: user.id,
    source: attempt.source,
    action,
    subject: network,
    detail: `wrong ${what}`,
  });
}

const CODE_LIFE_MS = 10 * 60_000;
/** The maximum tries for one code from all networks together. */
const CODE_TRIES = 100;

async function sendCode(
  deps: Deps,
  email: string,
  { webhook, counted }: { webhook: string; counted: Counted },
): Promise<Result<SignInReply, 'unavailable'>> {
  const code = newCode();
  const expiresAt = deps.now + CODE_LIFE_MS;
  const codeHash = await sha256(`${email}:${code}`);
  await accounts.putCode(deps.db, email, { codeHash, expiresAt, subject: codeSubject(counted, email) });
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
  const door = await enter(deps, email, attempt);
  if (!door.ok) return door;
  const counted = door.value;
  const counting = await countTry(deps, counted, codeSubject(counted, email));
  if (counting.isOver && counting.until !== undefined) return tooManyAttempts(deps, counting.until);
  const codeHash = await sha256(`${email}:${attempt.code}`);
  const known = counting.isOverCode
    ? undefined
    : await accounts.tryCode(deps.db, email, { now: deps.now, maxTries: CODE_TRIES });
  const user = await accounts.userByEmail(deps.db, email);

  const isRight = known !== undefined && sameDigest(known.codeHash, codeHash);
  const isKnown = user !== undefined && user.disabledAt === null;
  if (!isRight || !isKnown || !(await accounts.takeCode(deps.db, email, codeHash))) {
    await noteFailure(deps, { user, attempt, counted, counting, what: 'code' });
    return refuse('invalid_code', 'The code is wrong, used or too old.', 'Sign in again to get a new one.');
  }
  const { passwordHash: _secret, disabledAt: _never, ...person } = user;
  return accept({ token: await issueToken(deps, person, { attempt, counted }), user: person });
}

/** Revokes the token of this request and closes its channels. Other isolates reject the token within 30 s. */
export async function signOut(deps: Deps, { tokenHash, id }: SignedIn, source: string): Promise<void> {
  const revoked = await accounts.revokeIfActive(deps.db, tokenHash, deps.now);
  forgetToken(tokenHash);
  await closeChannelsOf(deps, { userId: id, tokenHash });
  if (revoked) {
    const entry = { at: deps.now, userId: id, source, subject: tokenMark(tokenHash), detail: undefined };
    await noteSignIn(deps.db, { ...entry, action: 'sign_out' });
  }
  deps.log('signed_out', { userId: id });
}

async function issueToken(deps: Deps, user: User, { attempt, counted }: Try): Promise<string> {
  const { deviceName, source, kind = 'cli' } = attempt;
  const token = newToken();
  const added = { hash: await sha256(token), userId: user.id, deviceName, kind, now: deps.now };
  for (const tokenHash of await accounts.addToken(deps.db, added)) {
    forgetToken(tokenHash);
    deps.later(closeChannelsOf(deps, { userId: user.id, tokenHash }));
    deps.log('device_token_displaced', { userId: user.id });
  }
  await accounts.giveTriesBack(deps.db, counted.subjects);
  const { network } = counted;
  const entry = { at: deps.now, userId: user.id, source, subject: network, detail: deviceName };
  await noteSignIn(deps.db, { ...entry, action: 'sign_in' });
  deps.log('signed_in', { userId: user.id, network });
  return token;
}

/** The first two characters of the local part, the rest as stars. */
function maskEmail(email: string): string {
  const [local = '', domain = ''] = email.split('@');
  const shown = local.length > 2 ? cut(local, 2) : '';
  return `${shown}${'*'.repeat(local.length - shown.length)}@${domain}`;
}
