/** The connection of a command to the server: address, account and timeouts. */

import type { Endpoint } from '../../spec/contract/endpoint.ts';
import { clientVersion } from '../base/version.ts';
import type { Context } from '../output/context.ts';
import {
  type Account,
  accountOf,
  type RemoteSession,
  readRemoteSession,
  requireAuth,
  tokenOfEnvironment,
} from '../records/sign-in-record.ts';
import type { Received } from './judge.ts';
import { type KnownServer, knownServer } from './known-server.ts';
import { resolveBaseUrl, tokenFor } from './origin.ts';
import { DEFAULT_RETRY, type RetryPolicy } from './retry.ts';

/** Long enough for a slow server, short enough for a waiting person. */
const TIMEOUT_MS = 30_000;

export interface Client {
  baseUrl: string;
  /** If empty, only routes without authentication can be called. */
  token: string;
  /** The account of the token. Absent if it is unknown. */
  account?: Account | undefined;
  /** True for a token of the environment whose account the server has not named yet. */
  isNameless?: boolean;
  /** Headers of every request, without the authorization. */
  headers: Readonly<Record<string, string>>;
  timeoutMs: number;
  retry: RetryPolicy;
  /** The extensions that the server at `baseUrl` has announced. Every call updates them. */
  server: KnownServer;
  /** Resolves after the pause. Rejects if the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** In [0, 1). */
  random(): number;
  /** Sends some calls over an open channel. */
  carry?: Carry | undefined;
}

/** Sends a call over an open channel. Settles with undefined if the call must be sent as a request. */
export type Carry = (call: {
  row: Pick<Endpoint, 'name'>;
  params: Readonly<Record<string, string>>;
  /** The JSON text of the body. */
  body: string | undefined;
  baseUrl: string;
  token: string;
  signal: AbortSignal | undefined;
}) => Promise<Received | undefined>;

/** A signed-in client. Throws if there is no token for this server. */
export async function signedInClient(context: Pick<Context, 'env' | 'baseUrl'>): Promise<Client> {
  const session = requireAuth(context.env);
  const baseUrl = resolveBaseUrl(context.baseUrl, session, context.env);
  // A token in the environment belongs to the server in the same environment.
  const given = tokenOfEnvironment(context.env);
  const client = await makeClient(baseUrl, given ?? tokenFor(baseUrl, session), context.env);
  const account = accountOf(session);
  return { ...client, account, isNameless: given !== undefined && account === undefined };
}

/** A client without an account, for signing in. */
export async function anonymousClient(
  context: Pick<Context, 'env' | 'baseUrl'>,
  session: RemoteSession = readRemoteSession(context.env),
): Promise<Client> {
  return makeClient(resolveBaseUrl(context.baseUrl, session, context.env), '', context.env);
}

async function makeClient(baseUrl: string, token: string, env: NodeJS.ProcessEnv): Promise<Client> {
  await useProxyOfEnvironment(env);
  return {
    baseUrl,
    token,
    headers: commonHeaders(env),
    timeoutMs: TIMEOUT_MS,
    retry: DEFAULT_RETRY,
    server: knownServer(env, baseUrl),
    sleep,
    random: Math.random,
  };
}

/** Headers that name this client and pass the protection of a preview deployment. */
export function commonHeaders(env: NodeJS.ProcessEnv): Record<string, string> {
  const headers: Record<string, string> = { 'User-Agent': `orp/${clientVersion(env)}` };
  const bypass = [
    env.ORP_VERCEL_BYPASS_TOKEN,
    env.CODA_VERCEL_BYPASS_TOKEN,
    env.VERCEL_AUTOMATION_BYPASS_SECRET,
  ]
    .map((value) => value?.trim() ?? '')
    .find((value) => value !== '');
  if (bypass !== undefined) headers['x-vercel-protection-bypass'] = bypass;
  return headers;
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** Proxy support (`https_proxy` and similar), if this Node has it. */
const LOOPBACK = 'localhost,127.0.0.1,::1';

let isSet = false;

/** Makes fetch use the proxy of the environment, except for servers on this machine. */
async function useProxyOfEnvironment(env: NodeJS.ProcessEnv): Promise<void> {
  const asked = ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY'].some((name) => env[name]);
  if (!asked || isSet) return;
  isSet = true;
  const http = await import('node:http');
  // Older versions of Node lack this function and ignore the proxy.
  if (!('setGlobalProxyFromEnv' in http)) return;
  const direct = [env.no_proxy ?? env.NO_PROXY, LOOPBACK].filter(Boolean).join(',');
  http.setGlobalProxyFromEnv({ ...env, no_proxy: direct, NO_PROXY: direct });
}
