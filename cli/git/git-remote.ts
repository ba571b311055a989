/** Addresses of git remotes. What is stored, printed or sent never holds credentials. */

import { gitText } from './git.ts';

const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;

/** The address without user, password and query; a user name that is no secret (`git@`) stays. */
export function stripCredentials(address: string): string {
  const trimmed = address.trim();
  if (!SCHEME.test(trimmed)) return trimmed;
  const parsed = parseUrl(trimmed);
  // An address that cannot be parsed is stripped by its shape: a secret must not slip through a typing error.
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

/** The address of `origin`, without credentials. */
export async function originUrl(root: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const address = await gitText(root, env, 'remote', 'get-url', 'origin');
  return address === undefined || address.trim() === '' ? undefined : stripCredentials(address);
}

/** `owner/name` of an address at GitHub. */
export function githubRepository(address: string): string | undefined {
  const match = /github\.com[/:]([^/\s]+)\/([^/\s]+?)(?:\.git)?\/?$/i.exec(address);
  return match === null ? undefined : `${match[1]}/${match[2]}`;
}
