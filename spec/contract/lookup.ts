/** Finding the complete id of something that a person named by the beginning of its id. */

import { z } from 'zod';
import { endpoint } from './endpoint.ts';
import { ok } from './fields.ts';

/** What can be looked up. */
export const LOOKUP_KINDS = ['job', 'idea', 'feature', 'machine'] as const;
export type LookupKind = (typeof LOOKUP_KINDS)[number];

/** Ids in one answer: enough to tell one from several, and to list a few. */
export const LOOKUP_LIMIT = 6;

export const findIds = endpoint({
  name: 'findIds',
  method: 'GET',
  path: '/api/cli/ids',
  summary: 'Find your ids that begin with the given characters. At most six are returned, in order.',
  query: z.object({
    kind: z.enum(LOOKUP_KINDS),
    prefix: z.string().regex(/^[A-Za-z0-9._:-]{1,128}$/, 'must be the beginning of an id'),
  }),
  reply: z.object({ ok, ids: z.array(z.string()) }),
  errors: [],
  capability: 'id-lookup',
  idempotent: true,
});
