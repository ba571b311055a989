/**
 * Finds the account of a request's token. An isolate remembers the tokens that it has seen, so most requests read nothing
 * from D1. It asks D1 again after 30 s. While D1 does not answer, it trusts recent answers.
 */

import type { Holder } from '../../spec/access.ts';
import type { Deps } from '../base/deps.ts';
import { isPassingFailure } from '../base/failures.ts';
import type { TokenOwner, User } from '../store/accounts.ts';
import { BROWSER_SESSION_MS, noteTokenUse, userOfToken } from '../store/accounts.ts';
import { BRIEF_WAIT_MS, inTime } from '../store/database.ts';
import { sha256 } from './passwords.ts';

/** The token of a request: its scope and what its owner sees of it. */
export interface UsedToken extends Holder, Pick<TokenOwner, 'deviceName' | 'expiresAt'> {
  hash: string;
}

/**
 * A signed-in person and the token of the request. If the token may do less than the account, `role` is `member`, so that the token gives
 * access only to the owner's own records.
 */
export interface SignedIn extends User {
  tokenHash: string;
  /**
   * True if the token was found only in the memory of the isolate. The handler must then ask D1 whether the token is valid, together with
   * its other statements.
   */
  isUnconfirmed?: true;
  token: UsedToken;
}

interface Trusted {
  user: User;
  token: UsedToken;
  /** When D1 last confirmed the token. */
  confirmedAt: number;
  /** The isolate does not ask D1 again before this time. */
  until: number;
}

/** How long an isolate trusts an answer of D1. After this time, every isolate rejects a revoked token. */
const TRUST_MS = 30_000;
/**
 * How long an isolate trusts the last answer of D1 while D1 does not answer. During such an outage nobody
 * can revoke a token.
 */
const SILENT_TRUST_MS = 15 * 60_000;
/** How often the isolate asks D1 again while D1 does not answer. */
const ASK_AGAIN_MS = 5000;
/** How often the use of a token is recorded, so that unused tokens can be removed. */
export const NOTE_USE_MS = 24 * 60 * 60_000;
/** The number of tokens that one isolate remembers. The oldest are removed first. */
const TRUST_LIMIT = 10_000;
const trusted = new Map<string, Trusted>();

/**
 * Returns the owner of a token. Needs one read of D1 every 30 s. The cookie of a browser is valid only for the pages, and
 * every other token only for the API.
 */
export async function authenticate(
  deps: Deps,
  text: string,
  place: 'api' | 'pages',
): Promise<SignedIn | undefined> {
  return authenticateHash(deps, await sha256(text), place);
}

/**
 * Like `authenticate`, but asks D1 only about a token that this isolate has never seen. The account and the scope of a token never change,
 * but the token may have been revoked.
 */
export async function authenticateFromMemory(deps: Deps, text: string): Promise<SignedIn | undefined> {
  const hash = await sha256(text);
  const known = trusted.get(hash);
  const isStale = known !== undefined && known.until <= deps.now && !isExpired(known.token, deps.now);
  if (!isStale || known.token.kind === 'browser') return authenticateHash(deps, hash, 'api');
  return { ...known.user, tokenHash: hash, token: known.token, isUnconfirmed: true };
}

/** Call this when D1 has confirmed an unconfirmed token. */
export function confirmToken({ tokenHash }: SignedIn, now: number): void {
  const known = trusted.get(tokenHash);
  if (known !== undefined) Object.assign(known, { confirmedAt: now, until: now + TRUST_MS });
}

const vouchedFor = new WeakMap<Request, string>();

/** Gives a request that the server makes itself the token of a client. No request from outside can carry a hash. */
export function vouchFor(request: Request, tokenHash: string): Request {
  vouchedFor.set(request, tokenHash);
  return request;
}

export function hashVouchedFor(request: Request): string | undefined {
  return vouchedFor.get(request);
}

/** Returns the owner of the token with this hash. */
export async function authenticateHash(
  deps: Deps,
  hash: string,
  place: 'api' | 'pages',
): Promise<SignedIn | undefined> {
  const found = await findOwner(deps, hash);
  if (found === undefined || (found.token.kind === 'browser') !== (place === 'pages')) return undefined;
  return { ...found.user, tokenHash: hash, token: found.token };
}

async function findOwner(deps: Deps, hash: string): Promise<Owner | undefined> {
  const known = trusted.get(hash);
  if (known !== undefined && isExpired(known.token, deps.now)) return undefined;
  if (known !== undefined && known.until > deps.now) return known;
  const asked = askDatabase(deps, hash);
  const isRecent = known !== undefined && deps.now - known.confirmedAt < SILENT_TRUST_MS;
  return isRecent ? orRemembered(deps, { known, asked }) : asked;
}

function isExpired({ expiresAt }: UsedToken, now: number): boolean {
  return expiresAt !== null && expiresAt <= now;
}

/** Removes a token that was revoked in this isolate. */
export function forgetToken(tokenHash: string): void {
  trusted.delete(tokenHash);
}

type Owner = Pick<Trusted, 'user' | 'token'>;

async function askDatabase(deps: Deps, tokenHash: string): Promise<Owner | undefined> {
  const found = await userOfToken(deps.db, tokenHash, deps.now);
  trusted.delete(tokenHash);
  if (found === undefined) return undefined;
  const { usedAt, createdAt, kind, scope, deviceName, expiresAt, ...account } = found;
  if (kind === 'browser' && createdAt <= deps.now - BROWSER_SESSION_MS) return undefined;
  if (usedAt <= deps.now - NOTE_USE_MS)
    deps.later(noteTokenUse(deps.db, tokenHash, { now: deps.now, every: NOTE_USE_MS }));
  if (trusted.size >= TRUST_LIMIT) trusted.delete(trusted.keys().next().value ?? '');
  const user: User = { ...account, role: scope === 'owner' ? account.role : 'member' };
  const owner = { user, token: { hash: tokenHash, kind, scope, deviceName, expiresAt } };
  trusted.set(tokenHash, { ...owner, confirmedAt: deps.now, until: deps.now + TRUST_MS });
  return owner;
}

/**
 * Uses the remembered token while D1 does not answer. A late answer is still stored, because it may report a revoked token.
 */
async function orRemembered(
  deps: Deps,
  { known, asked }: { known: Trusted; asked: Promise<Owner | undefined> },
): Promise<Owner | undefined> {
  const remembered = () => {
    known.until = deps.now + ASK_AGAIN_MS;
    deps.log('token_not_confirmed', { userId: known.user.id, unconfirmedMs: deps.now - known.confirmedAt });
    return known;
  };
  const answered = asked.catch((error: unknown) => {
    if (isPassingFailure(error)) return remembered();
    throw error;
  });
  deps.later(answered);
  return inTime(answered, BRIEF_WAIT_MS, remembered);
}
