/** Accounts of tests, written straight into the database: signing in costs a second of scrypt, and has tests of its own. */

import { env } from 'cloudflare:workers';
import { makeId } from '../../../spec/ids.ts';
import { currentTime } from './clock.ts';

export interface Person {
  userId: string;
  email: string;
  token: string;
}

/** Well-formed, and the hash of nothing anybody types. */
const NO_PASSWORD = `scrypt$15$8$3$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/** Bytes for ids and tokens that nobody else uses. */
export function randomBytes(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}

export async function sha256Hex(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A new account, signed in. */
export async function aPerson(
  options: { role?: 'member' | 'operator'; passwordHash?: string } = {},
): Promise<Person> {
  const userId = makeId('user', currentTime(), randomBytes(13));
  const email = `${userId}@orp.test`;
  await env.DB.prepare(
    'INSERT INTO users (id, email, name, role, password_hash, created_at) VALUES (?, ?, ?, ?, ?, ?)',
  )
    .bind(userId, email, 'Mira', options.role ?? 'member', options.passwordHash ?? NO_PASSWORD, currentTime())
    .run();
  return { userId, email, token: await aToken(userId) };
}

/** One more device of an account. */
export async function aToken(userId: string): Promise<string> {
  const token = `dvt_${makeId('request', currentTime(), randomBytes(32))}`;
  await env.DB.prepare(
    'INSERT INTO device_tokens (hash, user_id, device_name, created_at) VALUES (?, ?, ?, ?)',
  )
    .bind(await sha256Hex(token), userId, 'test', currentTime())
    .run();
  return token;
}
