/**
 * `remote-session.json`: the account, its service and its device token. Owner-only.
 * The token belongs to the origin it was issued by and is never shown to another one.
 */

import { chmodSync, statSync } from 'node:fs';
import { CliError } from '../base/exit.ts';
import { readString } from '../files/fields.ts';
import { isObject, type JsonObject, PRIVATE_MODE, readJsonFile, writeJsonFile } from '../files/json-file.ts';
import { withLock } from '../files/lock.ts';
import { remoteSessionPath, userFolder } from '../files/paths.ts';

export interface RemoteSession {
  base_url: string;
  email: string;
  /** Non-blank means connected. */
  token: string;
  user: JsonObject | null;
  pending_verification: JsonObject | null;
}

/** What commands print about the account; never the token. */
export interface SessionSummary {
  base_url: string;
  email: string;
  user: JsonObject | null;
  connected: boolean;
  pending_verification: JsonObject | null;
}

/** The stored session; blank when there is none. Keys of other clients come along at the end. */
export function readRemoteSession(env: NodeJS.ProcessEnv): RemoteSession & JsonObject {
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

/** Older clients left the file readable for everybody. */
function makePrivate(path: string): void {
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, PRIVATE_MODE);
}

/** There is a file, and it is no session: what it said is not known. */
export function isRemoteSessionTorn(env: NodeJS.ProcessEnv): boolean {
  return readJsonFile(remoteSessionPath(env)).kind === 'torn';
}

/** Changes some keys; the others stay. */
export function updateRemoteSession(
  env: NodeJS.ProcessEnv,
  change: Partial<RemoteSession>,
): Promise<RemoteSession> {
  return withLock(userFolder(env), () => {
    const next = { ...readRemoteSession(env), ...change };
    writeJsonFile(remoteSessionPath(env), next, { mode: PRIVATE_MODE });
    return next;
  });
}

/** Forgets everything but the service and the e-mail. */
export function clearRemoteSession(env: NodeJS.ProcessEnv): Promise<RemoteSession> {
  return withLock(userFolder(env), () => {
    const { base_url, email } = readRemoteSession(env);
    const next: RemoteSession = { ...blankSession(), base_url, email };
    writeJsonFile(remoteSessionPath(env), next, { mode: PRIVATE_MODE });
    return next;
  });
}

/** Whose sign-in something is under; what is not known of it is absent. */
export interface Account {
  userId?: string | undefined;
  email?: string | undefined;
}

/** The account that is signed in; undefined when the file does not tell. */
export function accountOf({ user, email }: Pick<RemoteSession, 'user' | 'email'>): Account | undefined {
  const userId = user === null ? undefined : readString(user, 'id');
  if (userId === undefined && email === '') return undefined;
  return { ...(userId === undefined ? {} : { userId }), ...(email === '' ? {} : { email }) };
}

/** Whether these are known to be two accounts; the id decides where both have one. */
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

/** The precondition AUTH: a stored token. Whether the service still accepts it, only the service knows. */
export function requireAuth(env: NodeJS.ProcessEnv): RemoteSession {
  const session = readRemoteSession(env);
  if (session.token !== '') return session;
  const path = remoteSessionPath(env);
  if (isRemoteSessionTorn(env)) {
    throw new CliError(`The sign-in file ${path} cannot be read: it is not a JSON object.`, {
      code: 'torn_state',
      hint: 'Run `orp auth login`; it signs in again and keeps the unreadable file beside the new one.',
    });
  }
  throw new CliError('You are not signed in: hosted auth is not connected.', {
    code: 'not_signed_in',
    hint: session.pending_verification === null ? 'Run `orp auth login`.' : 'Run `orp auth verify`.',
  });
}
