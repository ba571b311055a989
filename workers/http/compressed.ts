/** Compresses bodies. The runtime compresses a body if the answer has the header `Content-Encoding`. */

import type { Context } from 'hono';
import type { AppEnv } from './app-env.ts';

/** Lets the platform compress the body, if the client accepts it. Not for streams, because their first bytes would wait. */
export function compress(context: Context<AppEnv>): void {
  context.header('Vary', 'Accept-Encoding', { append: true });
  if (/\bgzip\b/.test(acceptedBy(context))) context.header('Content-Encoding', 'gzip');
}

/** The platform replaces the client's `Accept-Encoding` and keeps the client's value in another place. */
function acceptedBy({ req }: Context<AppEnv>): string {
  const accepted = req.raw.cf?.clientAcceptEncoding;
  return typeof accepted === 'string' ? accepted : (req.header('accept-encoding') ?? '');
}
