/** The transcript of an attempt: messages and output, numbered from 1 without a hole within one lease. */

import type { z } from 'zod';
import type { transcriptEntry } from '../contract/jobs.ts';

/** One message, piece of output, or gap; `at` is epoch ms. */
export type Entry = Omit<z.infer<typeof transcriptEntry>, 'attempt' | 'cursor' | 'at'> & { at: number };

/** An entry whose number may be left to the transcript: the v0.4.4 client numbers nothing. */
export type NewEntry = Omit<Entry, 'seq'> & { seq?: number | undefined };

/** An attempt keeps 20 MiB; then one gap says what is missing, and the rest is acknowledged and dropped. */
export const ATTEMPT_LIMIT_BYTES = 20 * 1024 * 1024;

/** How long a transcript is kept. */
export const RETENTION_MS = 30 * 24 * 60 * 60 * 1000;
