/**
 * The cookie that signs a browser in. Over https its name begins with `__Host-`, so no other host and no plain connection
 * can set it. Plain http is served only on loopback, where some browsers reject that name.
 */

import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import type { AppEnv } from '../../http/app-env.ts';
import { BROWSER_SESSION_MS } from '../../store/accounts.ts';

const SAME = { path: '/', httpOnly: true, sameSite: 'Lax' } as const;

function isSecure(context: Context<AppEnv>): boolean {
  return new URL(context.req.url).protocol === 'https:';
}

function nameOf(context: Context<AppEnv>, name: 'session' | 'receipt'): string {
  const short = name === 'session' ? 'orp' : 'orp-receipt';
  return isSecure(context) ? `__Host-${short}` : `orp_${name}`;
}

export function readCookie(context: Context<AppEnv>, name: 'session' | 'receipt'): string | undefined {
  return getCookie(context, nameOf(context, name));
}

export function writeCookie(
  context: Context<AppEnv>,
  name: 'session' | 'receipt',
  { value, seconds }: { value: string; seconds: number },
): void {
  setCookie(context, nameOf(context, name), value, { ...SAME, secure: isSecure(context), maxAge: seconds });
}

export function dropCookie(context: Context<AppEnv>, name: 'session' | 'receipt'): void {
  deleteCookie(context, nameOf(context, name), { ...SAME, secure: isSecure(context) });
}

export function writeSession(context: Context<AppEnv>, token: string): void {
  writeCookie(context, 'session', { value: token, seconds: BROWSER_SESSION_MS / 1000 });
}
