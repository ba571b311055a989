/** The user in the answer of a sign-in: v0.4.4 servers send it as an object `user`, or as `userId` and `email` beside it. */

import { join } from 'node:path';
import { readString } from '../files/fields.ts';
import { isObject, type JsonObject, PRIVATE_MODE, readJsonFile, writeJsonFile } from '../files/json-file.ts';
import { userFolder } from '../files/paths.ts';

/** The user of a sign-in answer: an object, or top-level fields; undefined when neither is there. */
export function userOf(answer: JsonObject): JsonObject | undefined {
  if (isObject(answer.user)) return withoutNulls(answer.user);
  const id = readString(answer, 'userId');
  const email = readString(answer, 'email');
  const name = readString(answer, 'name');
  if (id === undefined && email === undefined && name === undefined) return undefined;
  return withoutNulls({ id, email, name });
}

/** What a sign-in answer means. The order of the questions is the contract's. */
export type SignIn =
  | { kind: 'pending'; verification: JsonObject }
  | { kind: 'connected'; token: string; user: JsonObject }
  | { kind: 'unclear' };

/** Reads the answer to a sign-in with a password. */
export function readSignIn(answer: JsonObject): SignIn {
  if (isObject(answer.pendingVerification)) {
    return { kind: 'pending', verification: answer.pendingVerification };
  }
  const connected = readConnected(answer);
  const expiresAt = readString(answer, 'expiresAt');
  // A service that sends the end of a token beside the token is understood, too.
  if (expiresAt !== undefined && connected.kind !== 'connected') {
    return { kind: 'pending', verification: { expiresAt } };
  }
  return connected;
}

/** Reads the answer to a code: a token and a user, or nothing usable. */
export function readConnected(answer: JsonObject): SignIn {
  const token = readString(answer, 'token');
  const user = userOf(answer);
  return token === undefined || user === undefined ? { kind: 'unclear' } : { kind: 'connected', token, user };
}

function withoutNulls(record: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(record).filter(([, value]) => value !== null && value !== undefined),
  );
}

/*
 * Known devices. The token of the last sign-in proves that this device was signed in before; the server recognizes it also
 * after it was revoked. It grants nothing: it only lets a sign-in pass that other people's failures would delay.
 */

/** Sign-ins that are remembered; the oldest go first. */
const LIMIT = 20;

export interface DeviceOf {
  baseUrl: string;
  email: string;
}

/** Owner-only: one key per server and account, with the token. */
function knownDevicesPath(env: NodeJS.ProcessEnv): string {
  return join(userFolder(env), 'known-devices.json');
}

/** The proof for this account at this server, and for no other; undefined when there is none. */
export function readKnownDevice(env: NodeJS.ProcessEnv, device: DeviceOf): string | undefined {
  const token = readAll(env)[keyOf(device)];
  return typeof token === 'string' && token !== '' ? token : undefined;
}

/** Keeps the proof. A file that cannot be written costs a wait at most. */
export function keepKnownDevice(env: NodeJS.ProcessEnv, device: DeviceOf, token: string): void {
  if (token === '') return;
  const key = keyOf(device);
  const others = Object.entries(readAll(env)).filter(([one]) => one !== key);
  const kept = Object.fromEntries([...others, [key, token]].slice(-LIMIT));
  try {
    writeJsonFile(knownDevicesPath(env), kept, { mode: PRIVATE_MODE });
  } catch {
    // The sign-in itself has worked.
  }
}

function readAll(env: NodeJS.ProcessEnv): JsonObject {
  try {
    const file = readJsonFile(knownDevicesPath(env));
    return file.kind === 'read' && isObject(file.value) ? file.value : {};
  } catch {
    return {};
  }
}

function keyOf({ baseUrl, email }: DeviceOf): string {
  return `${baseUrl} ${email.toLowerCase()}`;
}
