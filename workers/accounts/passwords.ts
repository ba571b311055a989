/** Passwords and tokens. Nothing here is ever logged. */

import { Buffer } from 'node:buffer';
import { scrypt, timingSafeEqual } from 'node:crypto';

/** N=2^15, r=8, p=3. One run needs 32 MB and less than a second, which fits into one isolate. */
const COST_LOG2 = 15;
const BLOCK_SIZE = 8;
const PARALLELISM = 3;
const MAX_MEMORY = 64 * 1024 * 1024;

/** A hash that no password matches. With it, an unknown e-mail takes as long to check as a wrong password. */
const NOBODY = `scrypt$${COST_LOG2}$${BLOCK_SIZE}$${PARALLELISM}$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/**
 * Returns whether `password` matches `stored` (`scrypt$log2N$r$p$salt$hash`, base64url). Without `stored`, returns false
 * after the same time.
 */
export async function isPassword(password: string, stored: string | undefined): Promise<boolean> {
  const [, cost, blockSize, parallelism, salt = '', hash = ''] = (stored ?? NOBODY).split('$');
  const expected = Buffer.from(hash, 'base64url');
  const actual = await derive(password, Buffer.from(salt, 'base64url'), {
    N: 2 ** Number(cost),
    r: Number(blockSize),
    p: Number(parallelism),
    maxmem: MAX_MEMORY,
  });
  return timingSafeEqual(actual, expected) && stored !== undefined;
}

/** Returns the hash that `isPassword` checks a password against. */
export async function hashPassword(password: string): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const cost = { N: 2 ** COST_LOG2, r: BLOCK_SIZE, p: PARALLELISM, maxmem: MAX_MEMORY };
  const hash = await derive(password, salt, cost);
  const [saltText, hashText] = [salt, hash].map((bytes) => Buffer.from(bytes).toString('base64url'));
  return `scrypt$${COST_LOG2}$${BLOCK_SIZE}$${PARALLELISM}$${saltText}$${hashText}`;
}

function derive(
  password: string,
  salt: Uint8Array,
  cost: { N: number; r: number; p: number; maxmem: number },
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, 32, cost, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

/** 32 random bytes. */
function randomText(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url');
}

/** A device token: a prefix people and scanners recognize, and 32 random bytes. */
export function newToken(): string {
  return `dvt_${randomText()}`;
}

/** The token of a link that works once. */
export function newLinkToken(): string {
  return `lnk_${randomText()}`;
}

/** The secret of a terminal that asks to be signed in. */
export function newDeviceCode(): string {
  return `dvc_${randomText()}`;
}

/** Six digits, evenly spread. */
export function newCode(): string {
  const [number = 0] = crypto.getRandomValues(new Uint32Array(1));
  return String(number % 1_000_000).padStart(6, '0');
}

/** SHA-256, hex. Tokens have enough entropy that nothing slower is needed. */
export async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Buffer.from(digest).toString('hex');
}

/** Compares two hex digests in constant time. */
export function sameDigest(left: string, right: string): boolean {
  const a = Buffer.from(left);
  const b = Buffer.from(right);
  return a.length === b.length && timingSafeEqual(a, b);
}
