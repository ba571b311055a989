/** The receipt of an order travels to the next page in a cookie: it is shown once, also after a redirect. */

import type { Context } from 'hono';
import { z } from 'zod';
import { clip } from '../../../spec/text.ts';
import type { AppEnv } from '../../http/app-env.ts';
import type { Receipted } from '../parts/notes.tsx';
import { dropCookie, readCookie, writeCookie } from './cookies.ts';

const LIFE_SECONDS = 60;
/** A cookie holds 4 KB. */
const TEXT_LIMIT = 400;

const receipted = z.object({ tone: z.enum(['done', 'warning', 'error']), text: z.string().max(TEXT_LIMIT) });

export function keepReceipt(context: Context<AppEnv>, { tone, text }: Receipted): void {
  const value = JSON.stringify({ tone, text: clip(text, TEXT_LIMIT) });
  writeCookie(context, 'receipt', { value, seconds: LIFE_SECONDS });
}

/** A cookie that we did not write is no receipt. */
export function takeReceipt(context: Context<AppEnv>): Receipted | undefined {
  const value = readCookie(context, 'receipt');
  if (value === undefined) return undefined;
  dropCookie(context, 'receipt');
  try {
    return receipted.safeParse(JSON.parse(value)).data;
  } catch {
    return undefined;
  }
}
