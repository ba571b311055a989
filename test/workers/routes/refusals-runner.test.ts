/** Every refusal that the routes of machines and leases declare. */

import { describe, it } from 'vitest';
import type { Endpoint } from '../../../spec/contract/endpoint.ts';
import { cancelJob } from '../../../spec/contract/jobs.ts';
import * as contract from '../../../spec/contract/runner.ts';
import type { ErrorCode } from '../../../spec/errors.ts';
import { MAX_RESULT_BYTES } from '../../../spec/job/kinds.ts';
import { accepts, refuses, refusesAny } from '../harness/call.ts';
import { limitAccount } from '../harness/limits.ts';
import { aMachine, aPrompt, claim, claimAndStart, complete, sync, syncBody } from '../harness/machines.ts';
import type { Person } from '../harness/people.ts';
import { aPerson } from '../harness/people.ts';
import type { Refusals } from '../harness/refusals.ts';
import { scenariosOf } from '../harness/refusals.ts';

interface Holder {
  machineId: string;
  leaseId: string | null;
}

type Body = Record<string, unknown>;

/** A row whose writes are fenced by the lease; `rest` makes its body valid. */
function fenced(row: Endpoint, rest: Body) {
  const ask = (code: ErrorCode, as: Person, { jobId, machineId, leaseId }: { jobId: string } & Holder) =>
    refusesAny(row, code, { as, params: { jobId }, body: { machineId, leaseId, ...rest } });
  return {
    not_found: async () => {
      const held = await claimAndStart(await withPrompt());
      const { owner, machineId } = held.machine;
      await ask('not_found', owner, { jobId: 'job_unknown', machineId, leaseId: held.leaseId });
      await ask('not_found', await aPerson(), { jobId: held.jobId, machineId, leaseId: held.leaseId });
    },
    foreign_machine: async () => {
      const held = await claimAndStart(await withPrompt());
      const { owner } = held.machine;
      const other = await aMachine({ owner });
      await ask('foreign_machine', owner, { ...held, machineId: other.machineId });
    },
    lease_lost: async () => {
      const held = await claimAndStart(await withPrompt());
      const { owner, machineId } = held.machine;
      await ask('lease_lost', owner, { jobId: held.jobId, machineId, leaseId: 'lea_other' });
      await ask('lease_lost', owner, { jobId: held.jobId, machineId, leaseId: null });
    },
    wrong_status: async () => {
      const held = await claimAndStart(await withPrompt());
      const { owner, machineId } = held.machine;
      await accepts(cancelJob, { as: owner, params: { jobId: held.jobId }, body: {} });
      await ask('wrong_status', owner, { jobId: held.jobId, machineId, leaseId: 'lea_other' });
    },
  };
}

async function withPrompt() {
  const machine = await aMachine();
  await aPrompt(machine);
  return machine;
}

const RESULT = { success: true, content: 'Done.' };

const REFUSALS = {
  syncMachine: {
    foreign_machine: async () => {
      const machine = await aMachine();
      const as = await aPerson();
      await refuses(contract.syncMachine, 'foreign_machine', { as, body: syncBody(machine, []) });
    },
    limit_reached: async () => {
      const machine = await aMachine();
      await limitAccount(machine.owner, { machines: 1 });
      const another = { ...machine, machineId: crypto.randomUUID() };
      const call = { as: machine.owner, body: syncBody(another, []) };
      await refuses(contract.syncMachine, 'limit_reached', call);
      await sync(machine, []);
    },
  },
  heartbeat: {
    foreign_machine: async () => {
      const { machineId } = await aMachine();
      const as = await aPerson();
      await refuses(contract.heartbeat, 'foreign_machine', { as, body: { machineId, machineName: 'thief' } });
    },
  },
  pollJob: {
    not_found: async () => {
      const as = await aPerson();
      const refusal = await refuses(contract.pollJob, 'not_found', {
        as,
        query: { machineId: crypto.randomUUID() },
      });
      if (!refusal.hint?.includes('orp runner sync')) throw new Error('the hint does not say to sync');
    },
    foreign_machine: async () => {
      const { machineId } = await withPrompt();
      await refuses(contract.pollJob, 'foreign_machine', { as: await aPerson(), query: { machineId } });
    },
  },
  claimJob: {
    not_found: async () => {
      const body = { machineId: crypto.randomUUID(), claimId: crypto.randomUUID() };
      await refuses(contract.claimJob, 'not_found', { as: await aPerson(), body });
    },
    foreign_machine: async () => {
      const { machineId } = await withPrompt();
      const body = { machineId, claimId: crypto.randomUUID() };
      await refuses(contract.claimJob, 'foreign_machine', { as: await aPerson(), body });
    },
  },
  startJob: {
    ...fenced(contract.startJob, {}),
    wrong_status: async () => {
      const held = await claimAndStart(await withPrompt());
      await complete(held);
      const { machine, leaseId, jobId } = held;
      const body = { machineId: machine.machineId, leaseId };
      await refuses(contract.startJob, 'wrong_status', { as: machine.owner, params: { jobId }, body });
    },
  },
  addMessage: fenced(contract.addMessage, { content: 'Hello.' }),
  addLogs: fenced(contract.addLogs, { lines: [{ level: 'info', line: 'thinking' }] }),
  completeJob: {
    ...fenced(contract.completeJob, RESULT),
    wrong_status: async () => {
      const { machine, leaseId, jobId } = await claim(await withPrompt());
      const body = { machineId: machine.machineId, leaseId, ...RESULT };
      await refuses(contract.completeJob, 'wrong_status', { as: machine.owner, params: { jobId }, body });
    },
    body_too_large: async () => {
      const { machine, leaseId, jobId } = await claimAndStart(await withPrompt());
      const content = 'ü'.repeat(MAX_RESULT_BYTES / 2 + 1);
      const body = { machineId: machine.machineId, leaseId, success: true, content };
      await refuses(contract.completeJob, 'body_too_large', { as: machine.owner, params: { jobId }, body });
    },
  },
  releaseJob: {
    ...fenced(contract.releaseJob, { reason: 'shutting_down' }),
    lease_lost: async () => {
      const held = await claimAndStart(await withPrompt());
      const { owner, machineId } = held.machine;
      const body = { machineId, leaseId: 'lea_other', reason: 'shutting_down' as const };
      await refuses(contract.releaseJob, 'lease_lost', { as: owner, params: { jobId: held.jobId }, body });
    },
  },
} satisfies Refusals<typeof contract>;

describe('machines and leases', () => {
  it.each(scenariosOf(REFUSALS))('$name refuses with $code', ({ provoke }) => provoke());
});
