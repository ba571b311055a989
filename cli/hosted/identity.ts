/** Reads sign-in answers. v0.4.4 servers send the user as an object `user`, or as the fields `userId` and `email`. */

import { join } from 'node:path';
import { readString } from '../files/fields.ts';
import { isObject, type JsonObject, PRIVATE_MODE, readJsonFile, writeJsonFile } from '../files/json-file.ts';
import { userFolder } from '../files/paths.ts';

/** Returns the user of a sign-in answer, from `user` or from the top-level fields, or undefined if both are missing. */
export function userOf(answer: JsonObject): JsonObject | undefined {
  if (isObject(answer.user)) return withoutNulls(answer.user);
  const id = readString(answer, 'userId');
  const email = readString(answer, 'email');
  const name = readString(answer, 'name');
  if (id === undefined && email === undefined && name === undefined) return undefined;
  return withoutNulls({ id, email, name });
}

/** The meaning of a sign-in answer. The contract defines the order of the checks. */
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
  // A server may also send the expiry of the token.
  if (expiresAt !== undefined && connected.kind !== 'connected') {
    return { kind: 'pending', verification: { expiresAt } };
  }
  return connected;
}

/** Reads the answer to a code. It needs a token and a user. */
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
 * Known devices. The token of the last sign-in proves that this device was signed in before, even if the token was revoked. The proof
 * grants no access. With it, failed sign-ins of other people do not delay a sign-in from this device.
 */

/** Maximum number of remembered sign-ins. The oldest are dropped first. */
const LIMIT = 20;

export interface DeviceOf {
  baseUrl: string;
  email: string;
}

/** An owner-only file that maps server and account to a token. */
function knownDevicesPath(env: NodeJS.ProcessEnv): string {
  return join(userFolder(env), 'known-devices.json');
}

/** The proof for this account on this server, or undefined. */
export function readKnownDevice(env: NodeJS.ProcessEnv, device: DeviceOf): string | undefined {
  const token = readAll(env)[keyOf(device)];
  return typeof token === 'string' && token !== '' ? token : undefined;
}

/** Stores the proof. If that fails, the next sign-in may have to wait. */
export function keepKnownDevice(env: NodeJS.ProcessEnv, device: DeviceOf, token: string): void {
  if (token === '') return;
  const key = keyOf(device);
  const others = Object.entries(readAll(env)).filter(([one]) => one !== key);
  const kept = Object.fromEntries([...others, [key, token]].slice(-LIMIT));
  try {
    writeJsonFile(knownDevicesPath(env), kept, { mode: PRIVATE_MODE });
  } catch {
    // The sign-in itself succeeded.
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
