/** Accepts forms only from pages of this server, and serves pages only over secure connections. */

import type { Context, Next } from 'hono';
import type { AppEnv } from '../../http/app-env.ts';
import { errorPage } from './errors.tsx';

const READS: readonly string[] = ['GET', 'HEAD'];

export async function sameOrigin(context: Context<AppEnv>, next: Next): Promise<Response | undefined> {
  if (READS.includes(context.req.method) || isFromHere(context)) {
    await next();
    return undefined;
  }
  return errorPage(context, {
    status: 403,
    title: 'This form came from another site',
    message: 'The server accepts forms from its own pages only.',
    hint: 'Open the page here and try again.',
  });
}

/** All current browsers send `Sec-Fetch-Site`. Older browsers send `Origin` with a form. */
function isFromHere({ req }: Context<AppEnv>): boolean {
  const site = req.header('sec-fetch-site');
  return site === undefined ? req.header('origin') === new URL(req.url).origin : site === 'same-origin';
}

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

/** Plain http is served only on loopback, because others could read passwords on the network. */
export async function securelyOnly(context: Context<AppEnv>, next: Next): Promise<Response | undefined> {
  const url = new URL(context.req.url);
  if (url.protocol === 'https:' || LOOPBACK.test(url.hostname)) {
    await next();
    return undefined;
  }
  url.protocol = 'https:';
  return context.redirect(url.toString(), 308);
}
