/** Finds the values of the environment that are secrets. */

import { looksSecret } from './credentials.ts';
import { MIN_SECRET_CHARS } from './literals.ts';

/** The password in a URL, such as in `DATABASE_URL`. */
const URL_PASSWORD = /:\/\/[^\s:/@]{0,256}:([^\s@/]{1,256})@/g;

/**
 * Returns values of variables with secret names, and passwords in URLs. Longest first, so that a part does not hide a longer
 * value.
 */
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
