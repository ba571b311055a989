/**
 * `remote-session.json`: the account, its server and its device token. Owner-only.
 * The token is only sent to the origin that issued it.
 */

import { chmodSync, statSync } from 'node:fs';
import { CliError, usageError } from '../base/exit.ts';
import { readString } from '../files/fields.ts';
import { isObject, type JsonObject, PRIVATE_MODE, readJsonFile, writeJsonFile } from '../files/json-file.ts';
import { withLock } from '../files/lock.ts';
import { remoteSessionPath, userFolder } from '../files/paths.ts';

export interface RemoteSession {
  base_url: string;
  email: string;
  /** Signed in if not empty. */
  token: string;
  user: JsonObject | null;
  pending_verification: JsonObject | null;
}

/** The account facts that commands print. Never the token. */
export interface SessionSummary {
  base_url: string;
  email: string;
  user: JsonObject | null;
  connected: boolean;
  pending_verification: JsonObject | null;
}

/** The sign-in that commands use: the token in `ORP_TOKEN`, or else the stored session. */
export function readRemoteSession(env: NodeJS.ProcessEnv): RemoteSession & JsonObject {
  const token = tokenOfEnvironment(env);
  if (token === undefined) return readStoredSession(env);
  return { ...blankSession(), ...owners.get(token), token };
}

/** The accounts of tokens in `ORP_TOKEN`, as the server named them. They are kept in memory only. */
const owners = new Map<string, Pick<RemoteSession, 'email' | 'user'>>();

/** Remembers whose token `ORP_TOKEN` is. The policy and the spool need the account. */
export function rememberOwner(token: string, user: JsonObject): Account | undefined {
  const owner = { email: readString(user, 'email') ?? '', user };
  owners.set(token, owner);
  return accountOf(owner);
}

/**
 * Returns the token in `ORP_TOKEN`, for machines on which nobody signs in. It is never stored. It is sent only to the server
 * of `--base-url` or `ORP_BASE_URL`, even if a stored session is for another server.
 */
export function tokenOfEnvironment(env: NodeJS.ProcessEnv): string | undefined {
  const token = env.ORP_TOKEN?.trim() ?? '';
  if (token === '') return undefined;
  if (/^[\x21-\x7e]{1,200}$/.test(token)) return token;
  throw usageError('ORP_TOKEN is not a token.', 'Set it to the token alone, or unset it.');
}

/** Reads the stored session. Returns empty values if there is none. Keeps the keys of other clients at the end. */
export function readStoredSession(env: NodeJS.ProcessEnv): RemoteSession & JsonObject {
  const path = remoteSessionPath(env);
  const file = readJsonFile(path);
  const record: JsonObject = file.kind === 'read' ? file.value : {};
  const token = readString(record, 'token') ?? '';
  if (token !== '') makePrivate(path);
  return {
    ...blankSession(),
    ...record,
    base_url: (readString(record, 'base_url') ?? '').replace(/\/+$/, ''),
    email: readString(record, 'email') ?? '',
    token,
    user: isObject(record.user) ? record.user : null,
    pending_verification: isObject(record.pending_verification) ? record.pending_verification : null,
  };
}

function blankSession(): RemoteSession {
  return { base_url: '', email: '', token: '', user: null, pending_verification: null };
}

/** Makes the file private. Older clients left it readable for everyone. */
function makePrivate(path: string): void {
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, PRIVATE_MODE);
}

/** Returns whether the file exists but has no valid session. */
export function isRemoteSessionTorn(env: NodeJS.ProcessEnv): boolean {
  return readJsonFile(remoteSessionPath(env)).kind === 'torn';
}

/** Changes some keys and keeps the others. */
export function updateRemoteSession(
  env: NodeJS.ProcessEnv,
  change: Partial<RemoteSession>,
): Promise<RemoteSession> {
  return withLock(userFolder(env), () => {
    const next = { ...readStoredSession(env), ...change };
    writeJsonFile(remoteSessionPath(env), next, { mode: PRIVATE_MODE });
    return next;
  });
}

/** Clears everything except the server and the email. */
export function clearRemoteSession(env: NodeJS.ProcessEnv): Promise<RemoteSession> {
  return withLock(userFolder(env), () => {
    const { base_url, email } = readStoredSession(env);
    const next: RemoteSession = { ...blankSession(), base_url, email };
    writeJsonFile(remoteSessionPath(env), next, { mode: PRIVATE_MODE });
    return next;
  });
}

/** An account. Unknown fields are absent. */
export interface Account {
  userId?: string | undefined;
  email?: string | undefined;
}

/** Returns the signed-in account, or undefined if it is unknown. */
export function accountOf({ user, email }: Pick<RemoteSession, 'user' | 'email'>): Account | undefined {
  const userId = user === null ? undefined : readString(user, 'id');
  if (userId === undefined && email === '') return undefined;
  return { ...(userId === undefined ? {} : { userId }), ...(email === '' ? {} : { email }) };
}

/** Returns whether these are certainly different accounts. Ids decide if both have one. */
export function isOtherAccount(a: Account | undefined, b: Account | undefined): boolean {
  if (a?.userId !== undefined && b?.userId !== undefined) return a.userId !== b.userId;
  if (a?.email === undefined || b?.email === undefined) return false;
  return a.email.toLowerCase() !== b.email.toLowerCase();
}

/** For output. */
export function summariseSession(session: RemoteSession): SessionSummary {
  const { base_url, email, user, token, pending_verification } = session;
  return { base_url, email, user, connected: token !== '', pending_verification };
}

/** Throws unless a token is stored. Only the server knows whether it is still valid. */
export function requireAuth(env: NodeJS.ProcessEnv): RemoteSession {
  const session = readRemoteSession(env);
  if (session.token !== '') return session;
  const path = remoteSessionPath(env);
  if (isRemoteSessionTorn(env)) {
    throw new CliError(`Could not read the sign-in file ${path}: it is not a JSON object.`, {
      code: 'torn_state',
      hint: 'Run `orp auth login`. It signs in again and keeps the unreadable file.',
    });
  }
  throw new CliError('You are not signed in: hosted auth is not connected.', {
    code: 'not_signed_in',
    hint: session.pending_verification === null ? 'Run `orp auth login`.' : 'Run `orp auth verify`.',
  });
}
