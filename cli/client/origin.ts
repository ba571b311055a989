/** Chooses the server and checks that the stored token belongs to it. */

import { CliError, usageError } from '../base/exit.ts';
import type { RemoteSession } from '../records/sign-in-record.ts';

const DEFAULT_BASE_URL = 'https://orp.earth';

/** The server URL: flag, stored, environment, default. It has no trailing slash and may have a path prefix. */
export function resolveBaseUrl(
  flag: string,
  session: Pick<RemoteSession, 'base_url'>,
  env: NodeJS.ProcessEnv,
): string {
  const candidates = [flag, session.base_url, env.ORP_BASE_URL, env.CODA_BASE_URL, DEFAULT_BASE_URL];
  const asked = candidates.map((candidate) => candidate?.trim() ?? '').find((candidate) => candidate !== '');
  return checkBaseUrl((asked ?? DEFAULT_BASE_URL).replace(/\/+$/, ''), env);
}

/** The stored token, if it belongs to this server. No other server ever gets it. */
export function tokenFor(baseUrl: string, session: Pick<RemoteSession, 'base_url' | 'token'>): string {
  const home = session.base_url.trim() || DEFAULT_BASE_URL;
  if (originOf(home) === originOf(baseUrl)) return session.token;
  throw new CliError(`You are signed in to ${originOf(home)}, not to ${originOf(baseUrl)}.`, {
    code: 'not_signed_in',
    hint: `Run \`orp auth login --base-url ${baseUrl}\`, or omit --base-url.`,
  });
}

function checkBaseUrl(text: string, env: NodeJS.ProcessEnv): string {
  const url = parse(text);
  if (url.protocol === 'http:' && !isLoopback(url.hostname) && env.ORP_ALLOW_HTTP?.trim() !== '1') {
    throw usageError(
      `The base URL ${url.origin} is not encrypted, so others could read the token.`,
      'Use https. For a network you trust, set ORP_ALLOW_HTTP=1.',
    );
  }
  return text;
}

function parse(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url !== undefined && url.username === '' && url.password === '' && !/[?#]/.test(text);
  if (isPlain && /^https?:$/.test(url.protocol)) return url;
  throw usageError(
    'The base URL must be an http or https URL without user, query and fragment.',
    'Example: --base-url https://orp.example.org',
  );
}

/** Traffic to these hosts never leaves the machine. */
function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127(\.\d{1,3}){3}$/.test(hostname)
  );
}

function originOf(text: string): string {
  return URL.canParse(text) ? new URL(text).origin : text;
}
