/** What every request starts with: an id, its dependencies (the clock is read once) and its account. */

import type { Context, Next } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import { CAPABILITIES, CAPABILITIES_HEADER, formatCapabilities } from '../../spec/contract/capabilities.ts';
import { authenticate } from '../accounts/authenticate.ts';
import { makeDeps } from '../base/deps.ts';
import type { AppEnv } from './app-env.ts';

/** Tokens are `dvt_` and 43 characters; anything much longer is not looked up. */
const BEARER = /^Bearer ([\x21-\x7e]{1,200})$/i;

const secureApi = secureHeaders();

/** Nothing inline, nothing from elsewhere. `same-origin`: a browser names the origin of a form to its own server only. */
const securePages = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    styleSrc: ["'self'"],
    scriptSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    connectSrc: ["'self'"],
    manifestSrc: ["'self'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
    baseUri: ["'none'"],
  },
  referrerPolicy: 'same-origin',
  xFrameOptions: 'DENY',
});

/** An upgraded answer belongs to the object: nothing may be added to it. */
export async function securely(context: Context<AppEnv>, next: Next): Promise<void> {
  if (context.req.header('upgrade')) return next();
  const secure = context.req.path.startsWith('/api/') ? secureApi : securePages;
  await secure(context, next);
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

/** Looks up the bearer token; rows decide whether one is needed. */
export async function signedIn(context: Context<AppEnv>, next: Next): Promise<void> {
  const token = BEARER.exec(context.req.header('authorization') ?? '')?.[1];
  if (token !== undefined) context.set('auth', await authenticate(context.get('deps'), token, 'cli'));
  await next();
}

/** Tells every client what this server offers beyond the contract of v0.4.4. */
const OFFERED = formatCapabilities(CAPABILITIES);

/**
 * Adds the header to every answer, refusals and streams included: to a client, an answer without it comes from a
 * server without extensions. An upgraded answer (101) belongs to the object, and its client reads no headers.
 */
export async function announced(context: Context<AppEnv>, next: Next): Promise<void> {
  await next();
  if (context.res.status !== 101) context.header(CAPABILITIES_HEADER, OFFERED);
}
