/** The routes of machines for their owner and for operators, and the lookup of ids by their beginning. */

import * as z from 'zod/mini';
import { MACHINE_CONDITIONS } from '../job/condition.ts';
import { absentable, endpoint, ok } from './endpoint.ts';

export const drainMachine = endpoint({
  name: 'drainMachine',
  method: 'PUT',
  path: '/api/cli/runner/machines/:machineId/drain',
  summary:
    'Start or end the drain of a machine. A drained machine finishes its jobs and stops claiming. The owner and operators may send this order, and the audit log records it.',
  body: z.strictObject({
    draining: z.boolean(),
    reason: z.nullish(z.string().check(z.maxLength(1000))),
  }),
  reply: z.object({
    ok,
    machine: z.object({ id: z.string(), name: z.string(), draining: z.boolean() }),
    /** False if the requested state was already set, so nothing changed. */
    changed: z.boolean(),
  }),
  errors: ['not_found'],
  capability: 'machines',
  idempotent: true,
});

export const showMachine = endpoint({
  name: 'showMachine',
  method: 'GET',
  path: '/api/cli/runner/machines/:machineId',
  summary: 'Show when a machine was last seen, and whether it can be woken now.',
  needs: 'read',
  reply: z.object({
    ok,
    machine: z.object({
      id: z.string(),
      name: z.string(),
      /** The last heartbeat, with a precision of eight minutes. A machine with an open channel need not send heartbeats. */
      lastSeenAt: z.string(),
      lastSyncAt: absentable,
      draining: z.boolean(),
      /** Why the machine claims nothing now, although its runner runs. */
      condition: z.optional(
        z.object({
          code: z.enum(MACHINE_CONDITIONS),
          message: z.string(),
          until: absentable,
          since: z.string(),
        }),
      ),
      /** The open channel. If absent, a wake-up cannot reach the machine. */
      listening: z.optional(
        z.object({ transport: z.enum(['ws', 'sse']), instance: z.string(), since: z.string() }),
      ),
    }),
  }),
  errors: ['not_found'],
  capability: 'machines',
  idempotent: true,
});

/** The kinds of ids that can be looked up. */
export const LOOKUP_KINDS = ['job', 'idea', 'feature', 'machine', 'checkpoint'] as const;
export type LookupKind = (typeof LOOKUP_KINDS)[number];

/** The maximum number of ids in one answer. Clients only need to know whether an id is unique, and to list a few. */
export const LOOKUP_LIMIT = 6;

export const findIds = endpoint({
  name: 'findIds',
  method: 'GET',
  path: '/api/cli/ids',
  summary: 'Find your ids that begin with the given characters. The answer has at most six ids, in order.',
  query: z.object({
    kind: z.enum(LOOKUP_KINDS),
    prefix: z.string().check(z.regex(/^[A-Za-z0-9._:-]{1,128}$/, 'must be the beginning of an id')),
  }),
  needs: 'read',
  reply: z.object({ ok, ids: z.array(z.string()) }),
  errors: [],
  capability: 'id-lookup',
  idempotent: true,
});
