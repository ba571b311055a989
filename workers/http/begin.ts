/** Prepares every request: sets the request id, the dependencies (which read the clock once) and the account. */

import type { Context, Next } from 'hono';
import {
  CAPABILITIES,
  CAPABILITIES_HEADER,
  formatCapabilities,
  formatVersions,
  VERSIONS_HEADER,
} from '../../spec/capabilities.ts';
import { claimJob, pollJob } from '../../spec/contract/runner.ts';
import {
  authenticate,
  authenticateFromMemory,
  authenticateHash,
  hashVouchedFor,
} from '../accounts/authenticate.ts';
import { makeDeps } from '../base/deps.ts';
import type { AppEnv } from './app-env.ts';
import { API_HEADERS, PAGE_HEADERS } from './security-headers.ts';

/** A token is `dvt_` and 43 characters. Much longer values are not looked up. */
const BEARER = /^Bearer ([\x21-\x7e]{1,200})$/i;

/** Adds security headers, except to an upgraded answer, which comes from the object and must not be changed. */
export async function securely(context: Context<AppEnv>, next: Next): Promise<void> {
  await next();
  if (context.req.header('upgrade')) return;
  const headers = context.req.path.startsWith('/api/') ? API_HEADERS : PAGE_HEADERS;
  for (const [name, value] of Object.entries(headers)) context.res.headers.set(name, value);
}

export async function begin(context: Context<AppEnv>, next: Next): Promise<void> {
  const requestId = `req_${crypto.randomUUID().replaceAll('-', '')}`;
  const waitUntil = (work: Promise<unknown>) => context.executionCtx.waitUntil(work);
  context.set('requestId', requestId);
  context.set('startedAt', Date.now());
  context.set('deps', makeDeps({ env: context.env, requestId, waitUntil }));
  await next();
  if (context.res.status === 101) return;
  context.header('X-Request-Id', requestId);
  if (!context.res.headers.has('Cache-Control')) context.header('Cache-Control', 'no-store');
}

/**
 * The routes whose handler confirms the token together with its other statements, because another round trip to D1 would delay the start
 * of a job.
 */
const CONFIRMING: ReadonlySet<string> = new Set([pollJob.path, claimJob.path]);

/** Looks up the bearer token. The route decides whether a token is required. */
export async function signedIn(context: Context<AppEnv>, next: Next): Promise<void> {
  const deps = context.get('deps');
  const token = BEARER.exec(context.req.header('authorization') ?? '')?.[1];
  const hash = hashVouchedFor(context.req.raw);
  if (hash !== undefined) context.set('auth', await authenticateHash(deps, hash, 'api'));
  else if (token !== undefined) {
    const find = CONFIRMING.has(context.req.path) ? authenticateFromMemory : authenticate;
    context.set('auth', await find(deps, token, 'api'));
  }
  await next();
}

/** The header value that announces this server's extensions of the v0.4.4 contract. */
const OFFERED = formatCapabilities(CAPABILITIES);

/**
 * Adds the extensions, and the versions of `orp` that the server supports, to every answer, including refusals and streams. A client treats an answer without the header as an answer
 * from a server without extensions. An upgraded answer (101) comes from the object, and its client reads no headers.
 */
export async function announced(context: Context<AppEnv>, next: Next): Promise<void> {
  await next();
  if (context.res.status === 101) return;
  context.header(CAPABILITIES_HEADER, OFFERED);
  context.header(VERSIONS_HEADER, formatVersions(context.env.SERVER_VERSION));
}
