/**
 * Slows down an attacker who guesses passwords, without locking the owner out. Failures are counted per account and
 * network, per network, and, with a limit far above what one attacker can reach, per account. A device that was
 * signed in before has its own count, which no other device affects. A request that is already blocked writes no row.
 */

import type { TokenKind } from '../../spec/access.ts';
import { refuse } from '../../spec/errors.ts';
import type { Deps } from '../base/deps.ts';
import type { Tries } from '../store/accounts.ts';
import * as accounts from '../store/accounts.ts';
import { rowsOf } from '../store/database.ts';
import { sha256 } from './passwords.ts';

const WINDOW_MS = 15 * 60_000;

/** Failed tries within a window. */
const LIMITS = { pair: 10, network: 50, account: 300, device: 10, guess: 10 } as const;
/** Tries for one code from one network, so that other networks cannot use up the owner's tries. */
const CODE_LIMIT = 5;

export interface SignInAttempt {
  email: string;
  deviceName: string;
  /** Where the client keeps the token. If absent, the server assumes a terminal. */
  kind?: TokenKind | undefined;
  /** The address that the attempt comes from. */
  address: string;
  /** The address and the program, for the audit log. */
  source: string;
  /** A token that this device had before. A revoked token is enough. */
  device?: string | undefined;
}

/** The counters that an attempt adds to. */
export interface Counted {
  network: string;
  isKnown: boolean;
  subjects: readonly string[];
}

/** Returns whether the attempt may be made. Nothing is written. */
export async function readCounted(
  deps: Deps,
  email: string,
  { address, device }: SignInAttempt,
): Promise<{ counted: Counted; blockedUntil: number | undefined }> {
  const network = networkOf(address);
  const deviceHash = await sha256(device ?? '');
  const ofDevice = `device:${deviceHash}`;
  const ofStranger = [`pair:${network} ${email}`, `network:${network}`, `account:${email}`];
  const [tries, known] = await deps.db.batch([
    accounts.readTries([ofDevice, ...ofStranger], deps.now - WINDOW_MS),
    accounts.readKnownDevice(deviceHash, email),
  ]);
  const isKnown = device !== undefined && known?.rows.length === 1;
  const subjects = isKnown ? [ofDevice] : ofStranger;
  const own = rowsOf<Tries>(tries).filter(({ subject }) => subjects.includes(subject));
  return { counted: { network, isKnown, subjects }, blockedUntil: blockedUntil(own, 0) };
}

export interface Counting {
  /** True if this attempt exceeds a limit. */
  isOver: boolean;
  /** True if it exceeds the limit of the code. The count starts again with the next code. */
  isOverCode: boolean;
  /** Until when the next attempt is refused. Undefined if it is not refused. */
  until: number | undefined;
}

/** Counts this attempt. A successful attempt is subtracted later. `alsoCode`: also count it as a try for the code. */
export async function countTry(deps: Deps, counted: Counted, alsoCode?: string): Promise<Counting> {
  const { subjects } = counted;
  const window = { now: deps.now, since: deps.now - WINDOW_MS };
  const all = alsoCode === undefined ? subjects : [...subjects, alsoCode];
  const tries = await accounts.takeTries(deps.db, all, window);
  const own = tries.filter(({ subject }) => subject !== alsoCode);
  return {
    isOver: blockedUntil(own, 1) !== undefined,
    isOverCode: tries.some(({ subject, failures }) => subject === alsoCode && failures > CODE_LIMIT),
    until: blockedUntil(own, 0),
  };
}

/**
 * Counts an attempt of a signed-in person to enter the code of a waiting terminal, so that a person cannot guess the code of
 * somebody else's terminal. Guesses from all networks count together. A correct code does not count.
 */
export async function countGuess(
  deps: Deps,
  userId: string,
): Promise<{ subjects: readonly string[]; blockedUntil: number | undefined }> {
  const subjects = [`guess:${userId}`];
  const since = deps.now - WINDOW_MS;
  const [tries] = await deps.db.batch([accounts.readTries(subjects, since)]);
  const before = blockedUntil(rowsOf<Tries>(tries), 0);
  if (before !== undefined) return { subjects, blockedUntil: before };
  const counted = await accounts.takeTries(deps.db, subjects, { now: deps.now, since });
  return { subjects, blockedUntil: blockedUntil(counted, 1) };
}

/** The key under which tries for a code are counted. */
export function codeSubject({ network }: Counted, email: string): string {
  return `code:${network} ${email}`;
}

/** Returns until when a subject is blocked, or undefined. `counted`: the number of tries that belong to this attempt. */
function blockedUntil(tries: readonly Tries[], counted: number): number | undefined {
  const ends = tries
    .filter(({ subject, failures }) => failures - counted >= limitOf(subject))
    .map(({ windowStartedAt }) => windowStartedAt + WINDOW_MS);
  return ends.length === 0 ? undefined : Math.max(...ends);
}

function limitOf(subject: string): number {
  const kind = subject.slice(0, subject.indexOf(':')) as keyof typeof LIMITS;
  return LIMITS[kind];
}

/** The refusal after too many attempts. */
export function tooManyAttempts(deps: Deps, until: number) {
  const message = 'Too many failed sign-ins from your network.';
  return refuseUntil(deps, until, { message, or: ', or from a device that has signed in before' });
}

/** The refusal after too many wrong codes of terminals. */
export function tooManyGuesses(deps: Deps, until: number) {
  return refuseUntil(deps, until, { message: 'You have entered too many wrong codes.', or: '' });
}

/** `Retry-After` is exactly the end of the window. */
function refuseUntil(deps: Deps, until: number, { message, or }: { message: string; or: string }) {
  const seconds = Math.max(1, Math.ceil((until - deps.now) / 1000));
  const hint = `Try again in ${Math.ceil(seconds / 60)} min${or}.`;
  const { refusal } = refuse('too_many_attempts', message, hint);
  return { ok: false as const, refusal: { ...refusal, retryAfterSeconds: seconds } };
}

/** IPv4 addresses inside IPv6: mapped (RFC 4291) and translated by NAT64 (RFC 6052). */
const EMBEDDED = [
  [0, 0, 0, 0, 0, 0xffff],
  [0x64, 0xff9b, 0, 0, 0, 0],
];

/** `203.0.113.7` for IPv4, `2001:db8:0:1::/64` for IPv6. Any other text is returned, cut to 64 characters. */
export function networkOf(address: string): string {
  const text = address.trim().toLowerCase().split('%')[0] ?? '';
  if (!text.includes(':')) return text.slice(0, 64) || 'unknown';
  const groups = groupsOf(text);
  if (groups === undefined) return text.slice(0, 64);
  const isIpv4 = EMBEDDED.some((prefix) => prefix.every((group, at) => groups[at] === group));
  if (isIpv4) return [...bytesOf(groups[6]), ...bytesOf(groups[7])].join('.');
  const network = groups.slice(0, 4).map((group) => group.toString(16));
  return `${network.join(':')}::/64`;
}

function bytesOf(group = 0): [number, number] {
  return [group >> 8, group & 0xff];
}

/** Returns the eight groups of an IPv6 address, or undefined for any other text. */
function groupsOf(text: string): number[] | undefined {
  const halves = withoutDots(text).split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => '0'), ...tail];
  return groups.every((group) => /^[0-9a-f]{1,4}$/.test(group))
    ? groups.map((group) => Number.parseInt(group, 16))
    : undefined;
}

/** `::ffff:203.0.113.7` as `::ffff:cb00:7107`. */
function withoutDots(text: string): string {
  return text.replace(/(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/, (_, ...bytes: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.slice(0, 4).map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
}
