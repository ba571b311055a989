/** The source of a request for the audit log: address, program, and the made token, if there is one. */

import type { Context } from 'hono';
import { cut } from '../../spec/text.ts';
import { tokenMark } from '../base/notify.ts';
import type { AppEnv } from './app-env.ts';

/** The client's address, from the header that the deployment trusts. Without such a header, all clients share `local`. */
export function addressOf(context: Context<AppEnv>): string {
  const header = context.env.CLIENT_ADDRESS_HEADER;
  return (header && context.req.header(header)) || 'local';
}

/** The address and the program of the client. Both are plain text, so that they fit into a header. */
export function clientOf(context: Context<AppEnv>): { address: string; agent: string } {
  const agent = cut(context.req.header('user-agent') ?? 'unknown', 100);
  return { address: addressOf(context), agent };
}

export function sourceOf(context: Context<AppEnv>): string {
  const { address, agent } = clientOf(context);
  const token = context.get('auth')?.token;
  return `${address} ${agent}${token?.kind === 'token' ? ` token ${tokenMark(token.hash)}` : ''}`;
}
