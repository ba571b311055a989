/** Machines as their owner, or an operator, orders them about. */

import { z } from 'zod';
import { CONDITION_CODES } from '../job/condition.ts';
import { endpoint } from './endpoint.ts';
import { absentable, ok } from './fields.ts';

export const drainMachine = endpoint({
  name: 'drainMachine',
  method: 'PUT',
  path: '/api/cli/runner/machines/:machineId/drain',
  summary:
    'Have a machine finish what it does and claim nothing more, or go on. Its owner may, and operators; both leave a trace.',
  body: z.strictObject({
    draining: z.boolean(),
    reason: z.string().max(1000).nullish(),
  }),
  reply: z.object({
    ok,
    machine: z.object({ id: z.string(), name: z.string(), draining: z.boolean() }),
    /** False: it was so already. */
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
  summary: 'When a machine was last seen, and, which is a fact of its own, whether it can be woken now.',
  reply: z.object({
    ok,
    machine: z.object({
      id: z.string(),
      name: z.string(),
      /** Its last heartbeat, to five minutes; a machine that listens need not send any. */
      lastSeenAt: z.string(),
      lastSyncAt: absentable,
      draining: z.boolean(),
      /** Why it claims nothing now, though it is there. */
      condition: z
        .object({ code: z.enum(CONDITION_CODES), message: z.string(), until: absentable, since: z.string() })
        .optional(),
      /** The open channel; absent: a wake-up would not reach it, and it asks by itself or not at all. */
      listening: z
        .object({ transport: z.enum(['ws', 'sse']), instance: z.string(), since: z.string() })
        .optional(),
    }),
  }),
  errors: ['not_found'],
  capability: 'machines',
  idempotent: true,
});
