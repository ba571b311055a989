/** Where an order came from, for the audit log: address and program. */

import type { Context } from 'hono';
import { cut } from '../../spec/text.ts';
import type { AppEnv } from '../app-env.ts';

/**
 * The address of the client. Cloudflare sets this header, and so does the local runtime, from the socket; both replace what a
 * client sent. Only tests that call the Worker without either have none.
 */
export function addressOf(context: Context<AppEnv>): string {
  return context.req.header('cf-connecting-ip') ?? 'local';
}

export function sourceOf(context: Context<AppEnv>): string {
  const agent = cut(context.req.header('user-agent') ?? 'unknown', 100);
  return `${addressOf(context)} ${agent}`;
}
