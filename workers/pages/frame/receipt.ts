/** Passes the receipt of an order to the next page in a cookie, so that it is shown once after the redirect. */

import type { Context } from 'hono';
import { z } from 'zod';
import { clip } from '../../../spec/text.ts';
import type { AppEnv } from '../../http/app-env.ts';
import type { Receipted } from '../parts/notes.tsx';
import { dropCookie, readCookie, writeCookie } from './cookies.ts';

const LIFE_SECONDS = 60;
/** The maximum length of a text. It is small because a cookie can hold only 4 KB. */
const TEXT_LIMIT = 400;

const receipted = z.object({ tone: z.enum(['done', 'warning', 'error']), text: z.string().max(TEXT_LIMIT) });

export function keepReceipt(context: Context<AppEnv>, { tone, text }: Receipted): void {
  const value = JSON.stringify({ tone, text: clip(text, TEXT_LIMIT) });
  writeCookie(context, 'receipt', { value, seconds: LIFE_SECONDS });
}

/** Reads and removes the receipt. Ignores a cookie that the server did not write. */
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
