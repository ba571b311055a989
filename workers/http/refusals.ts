/** How a refusal looks on the wire. */

import type { Context } from 'hono';
import type { ErrorBody, Refusal } from '../../spec/errors.ts';
import { HTTP_STATUS } from '../../spec/errors.ts';
import type { AppEnv } from './app-env.ts';

/** Seconds a client should wait before it asks again. */
const RETRY_AFTER: Partial<Record<Refusal['code'], string>> = { unavailable: '2' };

export function refusalResponse(context: Context<AppEnv>, refusal: Refusal): Response {
  const body: ErrorBody = { error: refusal.message, code: refusal.code, requestId: context.get('requestId') };
  if (refusal.hint !== undefined) body.hint = refusal.hint;
  const wait = refusal.retryAfterSeconds?.toString() ?? RETRY_AFTER[refusal.code];
  if (wait !== undefined) context.header('Retry-After', wait);
  return context.json(body, HTTP_STATUS[refusal.code]);
}
