/** Machines ask for work and begin it. */

import fc from 'fast-check';
import { expect } from 'vitest';
import { pollJob, startJob } from '../../../spec/contract/runner.ts';
import { accepts, send } from '../harness/call.ts';
import type { Real } from './agreement.ts';
import type { Model } from './queue-model.ts';
import * as queue from './queue-model.ts';
import { at, hasLeases, index, newest, recent, step } from './step.ts';

async function pollOnce(model: Model, real: Real, { machine, again }: { machine: number; again: boolean }) {
  const { machineId } = at(real.machines, machine);
  const before = model.leases.filter((lease) => lease.machineId === machineId).at(-1);
  const claimId = (again && before?.claimId) || crypto.randomUUID();
  const expected = queue.expectPoll(model, machineId, claimId);
  const polled = await accepts(pollJob, { as: real.owner, query: { machineId, claimId } });
  takeOver(model, { machineId, claimId, expected, polled });
}

export const poll = fc.record({ machine: index, again: fc.boolean() }).map((options) =>
  step({
    label: `poll(${options.machine}${options.again ? ', the claim id of before' : ''})`,
    run: (model, real) => pollOnce(model, real, options),
  }),
);

/** All machines ask at once: what they get must be what they would have got one after the other, in some order. */
export const rush = fc.constant(
  step({
    label: 'all poll at once',
    async run(model, real) {
      const asked = await Promise.all(
        real.machines.map(async ({ machineId }) => {
          const claimId = crypto.randomUUID();
          const query = { machineId, claimId };
          return { machineId, claimId, polled: await accepts(pollJob, { as: real.owner, query }) };
        }),
      );
      const failures: unknown[] = [];
      for (const turns of ordersOf(asked)) {
        const trial = structuredClone(model);
        try {
          for (const turn of turns) {
            const expected = queue.expectPoll(trial, turn.machineId, turn.claimId);
            takeOver(trial, { ...turn, expected });
          }
          Object.assign(model, trial);
          return;
        } catch (error) {
          // Not in this order.
          failures.push(error);
        }
      }
      throw failures[0];
    },
  }),
);

function ordersOf<T>(list: readonly T[]): T[][] {
  if (list.length < 2) return [[...list]];
  return list.flatMap((first, place) =>
    ordersOf(list.filter((_, other) => other !== place)).map((rest) => [first, ...rest]),
  );
}

interface Polled {
  machineId: string;
  claimId: string;
  expected: queue.ExpectedPoll;
  polled: {
    job: { id: string; attempt: number; payload: { codexSessionId: string } } | null;
    leaseId?: string | undefined;
  };
}

function takeOver(model: Model, { machineId, claimId, expected, polled: { job, leaseId } }: Polled): void {
  switch (expected.kind) {
    case 'idle':
      expect(job).toBeNull();
      return;
    case 'repeat':
      expect(job?.id).toBe(expected.job.id);
      expect(leaseId).toBe(expected.job.lease?.leaseId);
      return;
    case 'redeliver': {
      const held = expected.jobs.find((one) => one.id === job?.id);
      expect(expected.jobs.map((one) => one.id)).toContain(job?.id);
      expect(model.leases.map((lease) => lease.leaseId)).not.toContain(leaseId);
      if (held !== undefined) queue.redelivered(model, held, { leaseId: leaseId ?? '', claimId });
      return;
    }
    case 'claim': {
      const { route } = expected;
      expect(job).toMatchObject({
        id: expected.job.id,
        attempt: expected.job.attempt + 1,
        payload: { codexSessionId: route.codexSessionId },
      });
      expect(model.leases.map((lease) => lease.leaseId)).not.toContain(leaseId);
      queue.claimed(model, expected.job, {
        leaseId: leaseId ?? '',
        machineId,
        claimId,
        session: route.codexSessionId,
      });
    }
  }
}

async function startOnce(model: Model, real: Real, position: number): Promise<void> {
  const lease = recent(model.leases, position);
  const job = queue.holderOf(model, lease.leaseId);
  const body = { machineId: lease.machineId, leaseId: lease.leaseId };
  const answer = await send(startJob, { as: real.owner, params: { jobId: lease.jobId }, body });
  const isAllowed = job?.status === 'dispatched' || job?.status === 'running';
  expect(answer.status < 300, answer.text).toBe(isAllowed);
  if (job?.status === 'dispatched') queue.started(model, job);
}

export const begin = newest.map((position) =>
  step({
    label: `start(${position})`,
    may: hasLeases,
    run: (model, real) => startOnce(model, real, position),
  }),
);

/** What a runner does most: takes the next job and starts it. */
export const work = index.map((machine) =>
  step({
    label: `work(${machine})`,
    async run(model, real) {
      await pollOnce(model, real, { machine, again: false });
      if (model.leases.length > 0) await startOnce(model, real, 0);
    },
  }),
);
