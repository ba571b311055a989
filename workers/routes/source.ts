/** Where an order came from, for the audit log: address and program. */

import type { Context } from 'hono';
import { cut } from '../../spec/text.ts';
import type { AppEnv } from '../app-env.ts';

/** The platform sets the address; locally there is none. */
export function sourceOf(context: Context<AppEnv>): string {
  const agent = cut(context.req.header('user-agent') ?? 'unknown', 100);
  return `${context.req.header('cf-connecting-ip') ?? 'local'} ${agent}`;
}
