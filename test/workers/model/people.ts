/** People queue jobs, order them about, and link sessions. */

import fc from 'fast-check';
import { expect } from 'vitest';
import { cancelJob, enqueueJob, retryJob } from '../../../spec/contract/jobs.ts';
import { accepts, send } from '../harness/call.ts';
import { DAY, HOUR, SECOND } from '../harness/clock.ts';
import { sync } from '../harness/machines.ts';
import type { Real } from './agreement.ts';
import type { ModelJob } from './queue-model.ts';
import * as queue from './queue-model.ts';
import { at, hasJobs, index, recent, step } from './step.ts';

export const enqueue = fc
  .record({
    policy: fc.constantFrom('hold' as const, 'requeue' as const),
    maxAttempts: fc.integer({ min: 1, max: 3 }),
    priority: fc.constantFrom(0, 0, 0, 5),
    target: fc.constantFrom('any', 'any', 'shared', 'first machine', 'nobody'),
    wait: fc.constantFrom(0, 0, 0, 30 * SECOND),
    life: fc.constantFrom(7 * DAY, HOUR),
  })
  .map((options) =>
    step({
      label: `enqueue(${JSON.stringify(options)})`,
      async run(model, real) {
        const { policy, maxAttempts, priority, wait, life } = options;
        const target = targetOf(options.target, real);
        const { job } = await accepts(enqueueJob, {
          as: real.owner,
          body: {
            prompt: 'Count.',
            onLeaseLoss: policy,
            maxAttempts,
            priority,
            notBefore: new Date(model.now + wait).toISOString(),
            expiresAt: new Date(model.now + wait + life).toISOString(),
            ...target,
          },
        });
        model.jobs.push({
          ...{ id: job.id, priority, policy, maxAttempts, status: 'queued' },
          target: { sessionFallback: 'primary', ...target },
          ...{ attempt: 0, attemptsUsed: 0, leaseCount: 0, starts: 0, retries: 0, lines: [] },
          ...{ availableAt: model.now + wait, expiresAt: model.now + wait + life },
          ...{ lease: undefined, content: undefined },
        });
      },
    }),
  );

function targetOf(name: string, { machines }: Real): Partial<queue.ModelJob['target']> {
  if (name === 'shared') return { orpSessionId: 'orp-shared', sessionFallback: 'none' };
  if (name === 'first machine') return { machineId: at(machines, 0).machineId };
  if (name === 'nobody') return { orpSessionId: 'orp-unknown', sessionFallback: 'none' };
  return {};
}

const WHO = ['owner', 'operator', 'holder', 'stranger lease'] as const;

/** The person who orders, and what they name. */
function orderOf(who: (typeof WHO)[number], job: ModelJob, real: Real) {
  const as = who === 'operator' ? real.operator : real.owner;
  if (who === 'holder' && job.lease)
    return { as, body: { machineId: job.lease.machineId, leaseId: job.lease.leaseId } };
  return { as, body: who === 'stranger lease' ? { leaseId: 'lea_stranger' } : {} };
}

export const order = fc
  .record({ position: index, who: fc.constantFrom(...WHO), verb: fc.constantFrom('cancel', 'retry') })
  .map(({ position, who, verb }) =>
    step({
      label: `${verb}(${position}, ${who})`,
      may: hasJobs,
      async run(model, real) {
        const job = recent(model.jobs, position);
        const call = { ...orderOf(who, job, real), params: { jobId: job.id } };
        const answer = await send(verb === 'cancel' ? cancelJob : retryJob, call);
        const isAllowed =
          who !== 'stranger lease' &&
          (verb === 'cancel' ? !['completed', 'failed'].includes(job.status) : job.status !== 'queued');
        expect(answer.status < 300, answer.text).toBe(isAllowed);
        if (!isAllowed) return;
        if (verb === 'cancel') job.status = 'cancelled';
        else queue.retried(model, job);
      },
    }),
  );

export const link = fc
  .record({ machine: index, sessions: fc.constantFrom('both', 'both', 'own', 'none') })
  .map(({ machine, sessions }) =>
    step({
      label: `sync(${machine}, ${sessions})`,
      async run(model, real) {
        const one = at(real.machines, machine);
        const linked = sessionsOf(one.machineId, sessions);
        await sync(one, linked);
        const project = model.projects.find(({ machineId }) => machineId === one.machineId);
        if (project !== undefined) {
          project.sessions = linked.map((session) => ({
            ...session,
            label: session.orpSessionId,
            state: 'active',
          }));
        }
      },
    }),
  );

export function sessionsOf(machineId: string, which: string) {
  const own = { orpSessionId: 'orp-own', codexSessionId: `codex-own-${machineId}`, primary: true };
  const shared = { orpSessionId: 'orp-shared', codexSessionId: 'codex-shared', primary: false };
  if (which === 'none') return [];
  return which === 'own' ? [own] : [own, shared];
}
