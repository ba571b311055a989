/** What monitoring systems read: the answer of `GET /health`, and bounds of the metrics. */

import * as z from 'zod/mini';

/** Cron runs every minute. After this time without a run, it is late. */
export const CRON_LATE_MS = 5 * 60_000;

export const serverHealth = z.object({
  /** True if the database answers and cron is not late. */
  ok: z.boolean(),
  /** The version of the deployed server, such as `0.6.0+1a2b3c4`. */
  version: z.string(),
  /** `ms`: how long the database took to answer. */
  database: z.object({ ok: z.boolean(), ms: z.optional(z.int()) }),
  /** `lastRunAt`: the minute in which cron last ran, among the last 60. */
  cron: z.object({ ok: z.boolean(), lastRunAt: z.optional(z.iso.datetime()) }),
});

export type ServerHealth = z.output<typeof serverHealth>;

/** The bounds of the ages of last contacts in the metrics, in seconds. The server knows an age exact to eight minutes. */
export const CONTACT_AGES_S = [300, 600, 1800, 3600, 14_400, 43_200, 86_400] as const;

/** `below0` is the number of machines whose age is at most `CONTACT_AGES_S[0]`, and so on. */
export type ContactAges = { count: number; sumSeconds: number; listening: number } & Record<
  `below${number}`,
  number
>;
