/** Every refusal that the channels declare: a channel that cannot stand is refused before it begins to stream. */

import { describe, expect, it, vi } from 'vitest';
import * as contract from '../../../spec/contract/events.ts';
import { expectRefusal, pathOf, refuses, sendRaw } from '../harness/call.ts';
import { limitAccount } from '../harness/limits.ts';
import { aMachine, aPrompt } from '../harness/machines.ts';
import type { Person } from '../harness/people.ts';
import { aPerson } from '../harness/people.ts';
import type { Refusals } from '../harness/refusals.ts';
import { scenariosOf } from '../harness/refusals.ts';
import { closeChannels, get, Stream } from '../harness/streams.ts';

async function refusesSocket(
  code: 'not_found' | 'foreign_machine',
  as: Person,
  machineId: string,
): Promise<void> {
  const path = pathOf(contract.socketEvents, {}, { machineId });
  expectRefusal(await sendRaw({ method: 'GET', path, as, headers: { Upgrade: 'websocket' } }), code);
}

const REFUSALS = {
  streamEvents: {
    not_found: async () => {
      const query = { machineId: crypto.randomUUID() };
      await refuses(contract.streamEvents, 'not_found', { as: await aPerson(), query });
    },
    foreign_machine: async () => {
      const { machineId } = await aMachine();
      await refuses(contract.streamEvents, 'foreign_machine', { as: await aPerson(), query: { machineId } });
    },
  },
  socketEvents: {
    not_found: async () => refusesSocket('not_found', await aPerson(), crypto.randomUUID()),
    foreign_machine: async () =>
      refusesSocket('foreign_machine', await aPerson(), (await aMachine()).machineId),
  },
  followJob: {
    not_found: async () => {
      const machine = await aMachine();
      const jobId = await aPrompt(machine);
      await refuses(contract.followJob, 'not_found', {
        as: machine.owner,
        params: { jobId: 'job_unknown' },
        query: {},
      });
      await refuses(contract.followJob, 'not_found', { as: await aPerson(), params: { jobId }, query: {} });
    },
    limit_reached: async () => {
      const machine = await aMachine();
      const { owner } = machine;
      await limitAccount(owner, { followStreams: 5 });
      const path = `/api/cli/runner/jobs/${await aPrompt(machine)}/events`;
      const follow = async () => new Stream(await get(path, owner));
      for (let count = 0; count < 5; count += 1) expect((await follow()).response.status).toBe(200);
      const refused = await follow();
      expect(refused.response.status).toBe(429);
      expect(await refused.piece()).toContain('"code":"limit_reached"');
      await closeChannels();
      await vi.waitFor(async () => expect((await follow()).response.status).toBe(200));
      await closeChannels();
    },
  },
} satisfies Refusals<typeof contract>;

describe('channels', () => {
  it.each(scenariosOf(REFUSALS))('$name refuses with $code', ({ provoke }) => provoke());
});
