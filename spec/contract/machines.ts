/** Machines as their owner, or an operator, orders them about. */

import { z } from 'zod';
import { endpoint } from './endpoint.ts';
import { ok } from './fields.ts';

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
  idempotent: true,
});
