/** The runtime compresses a body by itself when the answer says that it is. */

import type { Context } from 'hono';
import type { AppEnv } from './app-env.ts';

/** Announces a compressed body to a client that reads one. Not for streams: their first bytes would wait. */
export function compress(context: Context<AppEnv>): void {
  context.header('Vary', 'Accept-Encoding', { append: true });
  if (/\bgzip\b/.test(acceptedBy(context))) context.header('Content-Encoding', 'gzip');
}

/** The platform sends a header of its own to the Worker, and keeps that of the client beside it. */
function acceptedBy({ req }: Context<AppEnv>): string {
  const accepted = req.raw.cf?.clientAcceptEncoding;
  return typeof accepted === 'string' ? accepted : (req.header('accept-encoding') ?? '');
}
