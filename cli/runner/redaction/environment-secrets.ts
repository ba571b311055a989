/** Which values of the environment are secrets. */

import { looksSecret } from './credentials.ts';
import { MIN_SECRET_CHARS } from './literals.ts';

/** The password in a URL, such as `DATABASE_URL` holds. */
const URL_PASSWORD = /:\/\/[^\s:/@]{0,256}:([^\s@/]{1,256})@/g;

/** Values of environment variables whose names look secret and passwords in URLs, longest first, so that no part hides a whole. */
export function secretValues(env: NodeJS.ProcessEnv, more: readonly string[] = []): string[] {
  const values = new Set<string>();
  for (const [name, value = ''] of Object.entries(env)) {
    if (looksSecret(name)) addSecret(values, value);
    for (const [, password = ''] of value.matchAll(URL_PASSWORD)) addSecret(values, password);
  }
  for (const value of more) addSecret(values, value);
  return [...values].sort((a, b) => b.length - a.length);
}

function addSecret(values: Set<string>, value: string): void {
  const secret = value.trim();
  if (secret.length >= MIN_SECRET_CHARS) values.add(secret);
}
