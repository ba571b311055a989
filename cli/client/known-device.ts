/**
 * What proves to a server that this device was signed in before: the token of its last sign-in, which the server recognizes
 * also after it was revoked. It opens nothing; it only lets a sign-in pass that the failures of others would hold up.
 */

import { join } from 'node:path';
import { isObject, type JsonObject, PRIVATE_MODE, readJsonFile, writeJsonFile } from '../files/json-file.ts';
import { userFolder } from '../files/paths.ts';

/** Sign-ins that are remembered; the oldest go first. */
const LIMIT = 20;

export interface DeviceOf {
  baseUrl: string;
  email: string;
}

/** Owner-only: one key per server and account, with the token. */
export function knownDevicesPath(env: NodeJS.ProcessEnv): string {
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
