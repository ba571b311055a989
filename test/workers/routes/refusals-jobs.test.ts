/** Every refusal that the routes of jobs declare. */

import { describe, it } from 'vitest';
import type { Endpoint } from '../../../spec/contract/endpoint.ts';
import * as contract from '../../../spec/contract/jobs.ts';
import { accepts, refuses, refusesAny } from '../harness/call.ts';
import { limitAccount } from '../harness/limits.ts';
import { aMachine, aPrompt, claimAndStart, complete } from '../harness/machines.ts';
import { aPerson } from '../harness/people.ts';
import type { Refusals } from '../harness/refusals.ts';
import { scenariosOf } from '../harness/refusals.ts';

/** Unknown jobs and those of somebody else answer alike. */
function unknownJob(row: Endpoint, body?: object) {
  return async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    for (const [as, id] of [
      [machine.owner, 'job_unknown'],
      [machine.owner, 'x'],
      [await aPerson(), jobId],
    ] as const) {
      await refusesAny(row, 'not_found', { as, params: { jobId: id }, ...(body ? { body } : {}) });
    }
  };
}

async function started() {
  const machine = await aMachine();
  await aPrompt(machine);
  return claimAndStart(machine);
}

/** Cancel and retry of somebody who names a machine or a lease that does not hold the job. */
function operatorRefusals(row: Endpoint) {
  return {
    not_found: unknownJob(row, {}),
    foreign_machine: async () => {
      const { jobId, machine } = await started();
      const stranger = await aMachine();
      const body = { machineId: stranger.machineId };
      await refusesAny(row, 'foreign_machine', { as: machine.owner, params: { jobId }, body });
    },
    lease_lost: async () => {
      const { jobId, machine } = await started();
      const body = { machineId: machine.machineId, leaseId: 'lea_of_another_job' };
      await refusesAny(row, 'lease_lost', { as: machine.owner, params: { jobId }, body });
    },
  };
}

const REFUSALS = {
  enqueueJob: {
    not_found: async () => {
      const machine = await aMachine();
      const stranger = await aMachine();
      const as = machine.owner;
      for (const target of [
        { ideaId: 'ide_unknown' },
        { ideaId: stranger.ideaId },
        { machineId: stranger.machineId },
        { machineId: crypto.randomUUID() },
        { worldId: 'wor_unknown' },
        { ideaId: machine.ideaId, worldId: 'wor_unknown' },
      ]) {
        const body = { prompt: 'Count.', ...target };
        await refuses(contract.enqueueJob, 'not_found', { as, body });
      }
    },
    idempotency_conflict: async () => {
      const { owner: as, ideaId } = await aMachine();
      const headers = { 'Idempotency-Key': 'key-1' };
      await accepts(contract.enqueueJob, { as, headers, body: { prompt: 'One.', ideaId } });
      await refuses(contract.enqueueJob, 'idempotency_conflict', {
        as,
        headers,
        body: { prompt: 'Two.', ideaId },
      });
    },
    limit_reached: async () => {
      const machine = await aMachine();
      await limitAccount(machine.owner, { queuedJobs: 1 });
      const jobId = await aPrompt(machine);
      const call = { as: machine.owner, body: { prompt: 'Two.' } };
      await refuses(contract.enqueueJob, 'limit_reached', call);
      await accepts(contract.cancelJob, { as: machine.owner, params: { jobId }, body: {} });
      await accepts(contract.enqueueJob, call);
    },
  },
  showJob: { not_found: unknownJob(contract.showJob) },
  readTranscript: { not_found: unknownJob(contract.readTranscript) },
  cancelJob: {
    ...operatorRefusals(contract.cancelJob),
    wrong_status: async () => {
      const held = await started();
      await complete(held);
      const { machine, jobId } = held;
      await refuses(contract.cancelJob, 'wrong_status', { as: machine.owner, params: { jobId }, body: {} });
    },
  },
  retryJob: {
    ...operatorRefusals(contract.retryJob),
    wrong_status: async () => {
      const machine = await aMachine();
      const jobId = await aPrompt(machine);
      await refuses(contract.retryJob, 'wrong_status', { as: machine.owner, params: { jobId }, body: {} });
    },
    record_changed: async () => {
      const { jobId, machine } = await started();
      const call = { as: machine.owner, params: { jobId }, body: { expectedAttempt: 3 } };
      await refuses(contract.retryJob, 'record_changed', call);
    },
    limit_reached: async () => {
      const held = await started();
      await complete(held);
      const { machine, jobId } = held;
      await limitAccount(machine.owner, { queuedJobs: 1 });
      await aPrompt(machine);
      const call = { as: machine.owner, params: { jobId }, body: {} };
      await refuses(contract.retryJob, 'limit_reached', call);
    },
  },
} satisfies Refusals<typeof contract>;

describe('jobs', () => {
  it.each(scenariosOf(REFUSALS))('$name refuses with $code', ({ provoke }) => provoke());
});
