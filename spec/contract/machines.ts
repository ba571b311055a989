/** Machines for their owner and for operators. */

import { z } from 'zod';
import { CONDITION_CODES } from '../job/condition.ts';
import { endpoint } from './endpoint.ts';
import { absentable, ok } from './fields.ts';

export const drainMachine = endpoint({
  name: 'drainMachine',
  method: 'PUT',
  path: '/api/cli/runner/machines/:machineId/drain',
  summary:
    'Start or end the drain of a machine: it finishes its jobs and stops claiming. Allowed for its owner and operators; the audit log records both.',
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
  summary: 'Show when a machine was last seen, and whether it can be woken now.',
  reply: z.object({
    ok,
    machine: z.object({
      id: z.string(),
      name: z.string(),
      /** Its last heartbeat, to five minutes; a machine with an open channel need not send any. */
      lastSeenAt: z.string(),
      lastSyncAt: absentable,
      draining: z.boolean(),
      /** Why it claims nothing now, although its runner runs. */
      condition: z
        .object({ code: z.enum(CONDITION_CODES), message: z.string(), until: absentable, since: z.string() })
        .optional(),
      /** The open channel; absent: a wake-up would not reach the machine. */
      listening: z
        .object({ transport: z.enum(['ws', 'sse']), instance: z.string(), since: z.string() })
        .optional(),
    }),
  }),
  errors: ['not_found'],
  capability: 'machines',
  idempotent: true,
});
