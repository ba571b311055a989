/** URLs of git remotes. Stored, printed and sent URLs never contain credentials. */

import { gitText } from './git.ts';

const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;

/** Removes user, password and query from a URL. Keeps user names that are not secret (`git@`). */
export function stripCredentials(address: string): string {
  const trimmed = address.trim();
  if (!SCHEME.test(trimmed)) return trimmed;
  const parsed = parseUrl(trimmed);
  // Strip invalid URLs by pattern: a typing error must not leak a secret.
  if (parsed === undefined) return trimmed.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, '$1');
  const isWeb = /^https?:$/.test(parsed.protocol);
  if (!isWeb && parsed.password === '') return trimmed;
  if (isWeb && parsed.username === '' && parsed.password === '' && parsed.search === '') return trimmed;
  parsed.password = '';
  if (isWeb) parsed.username = '';
  if (isWeb) parsed.search = '';
  return parsed.href;
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

/** The URL of `origin`, without credentials. */
export async function originUrl(root: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const address = await gitText(root, env, 'remote', 'get-url', 'origin');
  return address === undefined || address.trim() === '' ? undefined : stripCredentials(address);
}

/** `owner/name` of a GitHub URL. */
export function githubRepository(address: string): string | undefined {
  const match = /github\.com[/:]([^/\s]+)\/([^/\s]+?)(?:\.git)?\/?$/i.exec(address);
  return match === null ? undefined : `${match[1]}/${match[2]}`;
}
