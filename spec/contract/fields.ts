/** Fields that several rows share. */

import { z } from 'zod';
import { isJobKind, type JobKind, kindsWhere, rulesOf } from '../job/kinds.ts';

/** UTC on the wire: ISO 8601 with `Z` or an offset, fractions allowed. */
export const timestamp = z.iso.datetime({ offset: true });

/** Answers omit absent strings, because the v0.4.4 client would read `null` as the text `None`. */
export const absentable = z.string().optional();

/** A string that a client may send as `null` or blank to clear it. An omitted one stays unchanged. */
export const clearable = z.string().max(4096).nullish();

/** A short line such as a title or a name. */
export const line = z.string().max(1000);

/** An absolute path on a machine. The server only compares it and never opens it. */
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

/** A query key that may be repeated. One value arrives as a string, and several values arrive as an array. */
export const repeated = z.union([z.string().transform((value) => [value]), z.array(z.string())]).optional();

/** The header `Idempotency-Key`, chosen by the sender, without surrounding white space. */
export const idempotencyKey = z
  .string()
  .trim()
  .regex(/^[\x21-\x7e]{1,128}$/, 'must be 1 to 128 visible ASCII characters');

/** A kind of job from the table of kinds. */
export const jobKind = z.custom<JobKind>(isJobKind, 'must be a kind of job');

/** A kind whose jobs a person may send. */
export const sentKind = z.custom<JobKind>(
  (kind) => isJobKind(kind) && rulesOf(kind)?.composedBy === 'sender',
  { error: () => `must be one of: ${kindsWhere((rules) => rules.composedBy === 'sender').join(', ')}` },
);

/** The name of an agent in the registry of a runner. */
export const agentName = z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, 'must be the name of an agent');

/** The names of kinds or agents that a runner announces. Unknown names are kept and match nothing. */
export const announced = z.array(z.string().min(1).max(64)).max(64);

/** A list like `announced` in a URL, separated by commas. */
export const announcedInQuery = z
  .string()
  .max(512)
  .transform((names) => names.split(',').filter((name) => name !== ''));

/** Every successful answer has `ok: true`. Refusals have another form. */
export const ok = z.literal(true);
