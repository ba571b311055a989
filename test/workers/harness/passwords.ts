/** What `npm run operator` writes: the sign-in must understand it. */

import { scryptSync } from 'node:crypto';

export function hashOf(password: string): string {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const hash = scryptSync(password, salt, 32, { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 1024 * 1024 });
  return `scrypt$15$8$3$${base64url(salt)}$${base64url(hash)}`;
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}
