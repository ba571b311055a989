/** Tells every client what this server offers beyond the contract of v0.4.4. */

import type { Context, Next } from 'hono';
import { CAPABILITIES, CAPABILITIES_HEADER, formatCapabilities } from '../../spec/contract/capabilities.ts';
import type { AppEnv } from './app-env.ts';

const OFFERED = formatCapabilities(CAPABILITIES);

/**
 * Puts the header on every answer, refusals and streams included: a client takes an answer without it for one of a server
 * that offers nothing. An upgraded answer (101) belongs to the object, and its client reads no headers.
 */
export async function announced(context: Context<AppEnv>, next: Next): Promise<void> {
  await next();
  if (context.res.status !== 101) context.header(CAPABILITIES_HEADER, OFFERED);
}
