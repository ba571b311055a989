/**
 * Finds the account of a request's token. An isolate remembers the tokens that it has seen, so most requests read nothing
 * from D1. It asks D1 again after 30 s. While D1 does not answer, it trusts recent answers.
 */

import type { Deps } from '../base/deps.ts';
import { isPassingFailure } from '../base/failures.ts';
import type { User } from '../store/accounts.ts';
import { BROWSER_SESSION_MS, noteTokenUse, userOfToken } from '../store/accounts.ts';
import { BRIEF_WAIT_MS } from '../store/database.ts';
import { inTime } from '../store/in-time.ts';
import type { TokenKind } from '../store/schema.ts';
import { sha256 } from './passwords.ts';

/** A signed-in person, and the hash of their token. */
export interface SignedIn extends User {
  tokenHash: string;
}

interface Trusted {
  user: User;
  kind: TokenKind;
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
 * Returns the owner of a token. Needs one read of D1 every 30 s. The token of a terminal is valid only for the API, and the
 * cookie of a browser only for the pages.
 */
export async function authenticate(
  deps: Deps,
  token: string,
  kind: TokenKind,
): Promise<SignedIn | undefined> {
  const tokenHash = await sha256(token);
  const known = trusted.get(tokenHash);
  if (known !== undefined && known.until > deps.now) {
    return known.kind === kind ? { ...known.user, tokenHash } : undefined;
  }

  const asked = askDatabase(deps, tokenHash);
  const isRecent = known !== undefined && deps.now - known.confirmedAt < SILENT_TRUST_MS;
  const found = isRecent ? await orRemembered(deps, { known, asked }) : await asked;
  return found?.kind === kind ? { ...found.user, tokenHash } : undefined;
}

/** Removes a token that was revoked in this isolate. */
export function forgetToken(tokenHash: string): void {
  trusted.delete(tokenHash);
}

type Owner = Pick<Trusted, 'user' | 'kind'>;

async function askDatabase(deps: Deps, tokenHash: string): Promise<Owner | undefined> {
  const found = await userOfToken(deps.db, tokenHash);
  trusted.delete(tokenHash);
  if (found === undefined) return undefined;
  const { usedAt, createdAt, kind, ...user } = found;
  if (kind === 'browser' && createdAt <= deps.now - BROWSER_SESSION_MS) return undefined;
  if (usedAt <= deps.now - NOTE_USE_MS)
    deps.later(noteTokenUse(deps.db, tokenHash, { now: deps.now, every: NOTE_USE_MS }));
  if (trusted.size >= TRUST_LIMIT) trusted.delete(trusted.keys().next().value ?? '');
  trusted.set(tokenHash, { user, kind, confirmedAt: deps.now, until: deps.now + TRUST_MS });
  return { user, kind };
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
