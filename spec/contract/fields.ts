/** Fields that several rows share. */

import { z } from 'zod';

/** UTC on the wire: ISO 8601 with `Z` or an offset, fractions allowed. */
export const timestamp = z.iso.datetime({ offset: true });

/** Answers leave absent strings out; the v0.4.4 client would read `null` as the text `None`. */
export const absentable = z.string().optional();

/** A string a client may send as `null` or blank to mean "none". Absent stays absent (leave unchanged). */
export const clearable = z.string().max(4096).nullish();

/** A short line such as a title or a name. */
export const line = z.string().max(1000);

/** An absolute path on somebody's machine. Never opened by the hosted side, only compared. */
export const projectRootField = z.string().min(1).max(4096);

/** A boolean in a query: `1` or `true`. */
export const queryFlag = z
  .enum(['1', 'true', '0', 'false'])
  .optional()
  .transform((value) => value === '1' || value === 'true');

/** An integer in a query. */
export function queryInteger(min: number, max: number, fallback: number) {
  return z.coerce.number().int().min(min).max(max).default(fallback);
}

/** A query key that may be repeated; one value arrives as a string, several as an array. */
export const repeated = z.union([z.string().transform((value) => [value]), z.array(z.string())]).optional();

/** The header `Idempotency-Key`: what a sender may choose, without the space around it. */
export const idempotencyKey = z
  .string()
  .trim()
  .regex(/^[\x21-\x7e]{1,128}$/, 'must be 1 to 128 visible ASCII characters');

/** Every answer carries `ok: true`; refusals have their own shape. */
export const ok = z.literal(true);
