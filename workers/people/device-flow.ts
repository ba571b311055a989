/**
 * Signs in a terminal with a code that a person types into a page (RFC 8628). The terminal has a secret, the device code.
 * The person sees a short code and the name of the machine. Only a signed-in person can approve, so a person who guesses a
 * code signs the terminal in to their own account.
 */

import { BOUNDS } from '../../spec/bounds.ts';
import { accept, type Result, refuse } from '../../spec/errors.ts';
import { forgetToken, type SignedIn } from '../accounts/authenticate.ts';
import { newDeviceCode, newToken, sha256 } from '../accounts/passwords.ts';
import { countGuess, networkOf, tooManyGuesses } from '../accounts/sign-in-limits.ts';
import type { Deps } from '../base/deps.ts';
import { closeChannelsOf } from '../base/notify.ts';
import { giveTriesBack, type User } from '../store/accounts.ts';
import { noteSignIn } from '../store/audit.ts';
import * as store from '../store/device-requests.ts';

export const DEVICE_LIFE_MS = 10 * 60_000;
export const POLL_EVERY_MS = 5000;
/** A terminal that polls too fast must wait five seconds longer between its next polls (RFC 8628). */
const SLOWER_MS = 5000;
const SLOWEST_MS = 60_000;
/** A poll may arrive early by this time, because the network may have delayed the previous poll. */
const EARLY_MS = 1000;

export interface Terminal {
  deviceName: string;
  address: string;
  /** Address and program. */
  source: string;
}

export async function startDevice(
  deps: Deps,
  { deviceName, address, source }: Terminal,
): Promise<Result<{ deviceCode: string; userCode: string }, 'limit_reached'>> {
  const [deviceCode, userCode] = [newDeviceCode(), newUserCode()];
  const network = networkOf(address);
  const added = await store.addRequest(deps.db, {
    hash: await sha256(deviceCode),
    userCode,
    deviceName,
    network,
    source,
    createdAt: deps.now,
    expiresAt: deps.now + DEVICE_LIFE_MS,
    intervalMs: POLL_EVERY_MS,
  });
  if (added) return accept({ deviceCode, userCode: shownUserCode(userCode) });
  deps.log('device_request_refused', { network });
  return refuse(
    'limit_reached',
    `Too many terminals wait to be signed in: ${BOUNDS.deviceRequestsOfNetwork} of your network (deviceRequestsOfNetwork), or ${BOUNDS.deviceRequests} in all (deviceRequests).`,
    'Try again in ten minutes, or sign in with --email.',
  );
}

export type TokenRefusal = 'authorization_pending' | 'slow_down' | 'access_denied' | 'expired_token';

/** Answers the polls of a terminal. Only one answer contains the token. */
export async function takeDeviceToken(
  deps: Deps,
  { deviceCode, source }: { deviceCode: string; source: string },
): Promise<Result<{ token: string; user: User }, TokenRefusal>> {
  const hash = await sha256(deviceCode);
  const request = await store.readByHash(deps.db, hash);
  if (request === undefined || request.expiresAt <= deps.now) return expired();
  if (request.decision === 'denied') {
    return refuse(
      'access_denied',
      'The sign-in was denied.',
      'If that was a mistake, run orp auth login again.',
    );
  }
  if (request.decision === null) return stillPending(deps, hash, request);

  const token = newToken();
  const tokenHash = await sha256(token);
  const exchanged = await store.exchange(deps.db, { hash, tokenHash, now: deps.now });
  if (exchanged === undefined) return expired();
  const { user, deviceName, displaced } = exchanged;
  for (const one of displaced) {
    forgetToken(one);
    deps.later(closeChannelsOf(deps, { userId: user.id, tokenHash: one }));
  }
  const entry = { at: deps.now, userId: user.id, source, subject: 'device', detail: deviceName } as const;
  await noteSignIn(deps.db, { ...entry, action: 'sign_in' });
  deps.log('signed_in', { userId: user.id, by: 'device' });
  return accept({ token, user });
}

function expired() {
  return refuse(
    'expired_token',
    'This sign-in has expired or was already used.',
    'Run orp auth login again.',
  );
}

async function stillPending(
  deps: Deps,
  hash: string,
  { intervalMs, polledAt }: store.PolledRequest,
): Promise<Result<never, TokenRefusal>> {
  const isEarly = polledAt !== null && deps.now - polledAt < intervalMs - EARLY_MS;
  if (!isEarly) {
    await store.notePoll(deps.db, hash, { now: deps.now, intervalMs });
    return refuse('authorization_pending', 'Nobody has decided about this sign-in yet.', 'Ask again later.');
  }
  // Do not write more rows for a terminal that keeps polling too fast.
  if (intervalMs < SLOWEST_MS)
    await store.notePoll(deps.db, hash, { now: deps.now, intervalMs: intervalMs + SLOWER_MS });
  return refuse('slow_down', 'This terminal polls too often.', 'Wait five seconds longer between requests.');
}

/** The terminal that waits for the approval of a code. */
export interface WaitingDevice {
  userCode: string;
  deviceName: string;
  /** The network of the terminal. */
  network: string;
  /** The address and the program of the terminal. */
  source: string;
  createdAt: number;
  expiresAt: number;
}

interface Person {
  /** The address and the program of the person who decides, for the audit log. */
  source: string;
}

/** Returns the terminal of a code, for the page that asks for the approval. */
export async function showDevice(
  deps: Deps,
  user: SignedIn,
  userCode: string,
): Promise<Result<WaitingDevice, 'not_found' | 'too_many_attempts'>> {
  const found = await find(deps, user, userCode);
  if (!found.ok) return found;
  const { decision: _decision, userId: _userId, ...device } = found.value;
  if (found.value.decision !== null) return noSuchCode();
  return accept({ ...device, userCode: shownUserCode(device.userCode) });
}

/** Approves a terminal. It gets a token of this person with its next poll. A repeated approval changes nothing. */
export function approveDevice(deps: Deps, user: SignedIn, by: Person & { userCode: string }) {
  return decide(deps, user, { ...by, decision: 'approved' });
}

export function denyDevice(deps: Deps, user: SignedIn, by: Person & { userCode: string }) {
  return decide(deps, user, { ...by, decision: 'denied' });
}

async function decide(
  deps: Deps,
  user: SignedIn,
  { userCode, source, decision }: Person & { userCode: string; decision: 'approved' | 'denied' },
): Promise<Result<{ deviceName: string }, 'not_found' | 'too_many_attempts'>> {
  const found = await find(deps, user, userCode);
  if (!found.ok) return found;
  const { deviceName } = found.value;
  const isDone = await store.decide(deps.db, found.value, {
    now: deps.now,
    userId: user.id,
    decision,
    source,
  });
  if (isDone) {
    deps.log('device_decided', { userId: user.id, decision });
    return accept({ deviceName });
  }
  const now = await store.readByCode(deps.db, found.value.userCode, deps.now);
  return now?.decision === decision && now.userId === user.id ? accept({ deviceName }) : noSuchCode();
}

async function find(
  deps: Deps,
  { id: userId }: SignedIn,
  typed: string,
): Promise<Result<store.ShownRequest, 'not_found' | 'too_many_attempts'>> {
  const { subjects, blockedUntil } = await countGuess(deps, userId);
  if (blockedUntil !== undefined) return tooManyGuesses(deps, blockedUntil);
  const userCode = readUserCode(typed);
  const request = userCode && (await store.readByCode(deps.db, userCode, deps.now));
  if (!request) {
    deps.log('device_code_unknown', { userId });
    return noSuchCode();
  }
  await giveTriesBack(deps.db, subjects);
  return accept(request);
}

function noSuchCode() {
  return refuse(
    'not_found',
    'No terminal is waiting for this code.',
    'Codes are valid for ten minutes. Compare the code with the code on your terminal, or run orp auth login again.',
  );
}

/**
 * The short code that a person copies from a terminal. It has eight letters, which are easy to tell apart and form no
 * words.
 */
const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ';
const LENGTH = 8;
/** Higher bytes are not used, because some letters would be more likely than others. */
const FAIR = 256 - (256 % LETTERS.length);

export function newUserCode(): string {
  let code = '';
  while (code.length < LENGTH) {
    const [byte = FAIR] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < FAIR) code += LETTERS.charAt(byte % LETTERS.length);
  }
  return code;
}

/** Reads a typed code, in upper or lower case, with or without the dash. Returns undefined if it cannot be a code. */
export function readUserCode(typed: string): string | undefined {
  const code = typed.slice(0, 64).replace(/[\s-]/g, '').toUpperCase();
  return code.length === LENGTH && [...code].every((letter) => LETTERS.includes(letter)) ? code : undefined;
}

/** Returns the code in the form `WDJB-MJHT`. */
export function shownUserCode(code: string): string {
  return `${code.slice(0, LENGTH / 2)}-${code.slice(LENGTH / 2)}`;
}
