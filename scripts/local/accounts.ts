/** Creates accounts directly in the database: the first operator, and accounts for tests. */

import { randomBytes, randomInt, scryptSync, timingSafeEqual } from 'node:crypto';
import type { Database } from './runtime.ts';

/** The scrypt parameters are 2^15, 8 and 3. This cost fits into the memory and time of a Worker request. */
const COST_LOG2 = 15;
const BLOCK_SIZE = 8;
const PARALLELISM = 3;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

const ID_ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const ID_LENGTH = 20;

export type Role = 'member' | 'operator';

export interface NewAccount {
  email: string;
  password: string;
  name?: string;
  role?: Role;
}

export interface AccountRow {
  id: string;
  email: string;
  name: string;
  role: Role;
  password_hash: string;
  created_at: number;
}

/**
 * Returns `scrypt$<log2 N>$<r>$<p>$<salt>$<hash>`, with salt and hash in base64url. The hash contains the numbers, so that
 * they can be raised later.
 */
export function hashPassword(password: string): string {
  const salt = randomBytes(SALT_BYTES);
  const hash = scryptSync(password, salt, HASH_BYTES, {
    N: 2 ** COST_LOG2,
    r: BLOCK_SIZE,
    p: PARALLELISM,
    maxmem: 64 * 1024 * 1024,
  });
  const numbers = `${COST_LOG2}$${BLOCK_SIZE}$${PARALLELISM}`;
  return `scrypt$${numbers}$${salt.toString('base64url')}$${hash.toString('base64url')}`;
}

/** Returns whether a password belongs to a hash of `hashPassword`. */
export function isPasswordOf(password: string, stored: string): boolean {
  const [scheme, costLog2, r, p, salt = '', hash = ''] = stored.split('$');
  if (scheme !== 'scrypt') return false;
  const cost = { N: 2 ** Number(costLog2), r: Number(r), p: Number(p), maxmem: 64 * 1024 * 1024 };
  const expected = Buffer.from(hash, 'base64url');
  const made = scryptSync(password, Buffer.from(salt, 'base64url'), expected.byteLength, cost);
  return timingSafeEqual(made, expected);
}

/** Generates a password that a person can copy: 20 letters and digits, more than 90 bits. */
export function generatePassword(): string {
  return Array.from({ length: 20 }, () => ID_ALPHABET.charAt(randomInt(ID_ALPHABET.length))).join('');
}

/** Returns the row of a new account. Addresses are stored in lower case, because the sign-in looks them up in lower case. */
export function accountRow(account: NewAccount, now: number): AccountRow {
  const id = Array.from({ length: ID_LENGTH }, () => ID_ALPHABET.charAt(randomInt(ID_ALPHABET.length)));
  const email = account.email.trim().toLowerCase();
  return {
    id: `usr_${id.join('')}`,
    email,
    name: account.name ?? email.split('@')[0] ?? email,
    role: account.role ?? 'member',
    password_hash: hashPassword(account.password),
    created_at: now,
  };
}

/** Adds an account. Fails if the address already has an account. */
export async function insertAccount(database: Database, account: AccountRow): Promise<void> {
  const { id, email, name, role, password_hash, created_at } = account;
  await database
    .prepare('INSERT INTO users (id, email, name, role, password_hash, created_at) VALUES (?, ?, ?, ?, ?, ?)')
    .bind(id, email, name, role, password_hash, created_at)
    .run();
}
