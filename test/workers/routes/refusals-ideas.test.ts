/** Every refusal that the routes of ideas, features, worlds and reviews declare. */

import { describe, it } from 'vitest';
import type { Endpoint } from '../../../spec/contract/endpoint.ts';
import * as contract from '../../../spec/contract/ideas.ts';
import { accepts, refuses, refusesAny } from '../harness/call.ts';
import { limitAccount } from '../harness/limits.ts';
import { aMachine, anIdea, aPrompt, aReview } from '../harness/machines.ts';
import type { Person } from '../harness/people.ts';
import { aPerson } from '../harness/people.ts';
import type { Refusals } from '../harness/refusals.ts';
import { scenariosOf } from '../harness/refusals.ts';

async function aFeature(owner: Person): Promise<{ ideaId: string; featureId: string }> {
  const ideaId = await anIdea(owner);
  const added = await accepts(contract.addFeature, {
    as: owner,
    params: { ideaId },
    body: { title: 'Grid' },
  });
  return { ideaId, featureId: added.id };
}

/** Unknown ids, those of somebody else and those that are gone for good answer alike. */
function unknownIdea(row: Endpoint, body?: object) {
  return async () => {
    const owner = await aPerson();
    const ask = (as: Person, ideaId: string) =>
      refusesAny(row, 'not_found', { as, params: { ideaId }, ...(body ? { body } : {}) });
    const ideaId = await anIdea(owner);
    await ask(owner, 'ide_unknown');
    await ask(await aPerson(), ideaId);
    await accepts(contract.removeIdea, { as: owner, params: { ideaId }, query: { purge: '1' } });
    await ask(owner, ideaId);
  };
}

function unknownFeature(row: Endpoint, body?: object) {
  return async () => {
    const owner = await aPerson();
    const ask = (as: Person, featureId: string) =>
      refusesAny(row, 'not_found', { as, params: { featureId }, ...(body ? { body } : {}) });
    const { ideaId, featureId } = await aFeature(owner);
    await ask(owner, 'fea_unknown');
    await ask(await aPerson(), featureId);
    await accepts(contract.removeIdea, { as: owner, params: { ideaId } });
    await ask(owner, featureId);
  };
}

const REFUSALS = {
  showIdea: { not_found: unknownIdea(contract.showIdea) },
  updateIdea: {
    not_found: unknownIdea(contract.updateIdea, { title: 'Mine now' }),
    record_changed: async () => {
      const as = await aPerson();
      const params = { ideaId: await anIdea(as) };
      const { updatedAt } = (await accepts(contract.showIdea, { as, params })).idea;
      await accepts(contract.updateIdea, { as, params, body: { notes: 'first', updatedAt } });
      await refuses(contract.updateIdea, 'record_changed', {
        as,
        params,
        body: { notes: 'second', updatedAt },
      });
      await refuses(contract.updateIdea, 'record_changed', { as, params, body: { updatedAt: 'None' } });
    },
    limit_reached: async () => {
      const as = await aPerson();
      const params = { ideaId: await anIdea(as) };
      await limitAccount(as, { storedBytes: 10 });
      await refuses(contract.updateIdea, 'limit_reached', { as, params, body: { notes: 'x'.repeat(1000) } });
      await accepts(contract.updateIdea, { as, params, body: { notes: 'short' } });
    },
  },
  addIdea: {
    limit_reached: async () => {
      const as = await aPerson();
      await limitAccount(as, { ideas: 1 });
      await anIdea(as);
      await refuses(contract.addIdea, 'limit_reached', { as, body: { title: 'One more' } });
    },
  },
  removeIdea: { not_found: unknownIdea(contract.removeIdea) },
  restoreIdea: { not_found: unknownIdea(contract.restoreIdea, {}) },
  listFeatures: { not_found: unknownIdea(contract.listFeatures) },
  addFeature: {
    not_found: unknownIdea(contract.addFeature, { title: 'Grid' }),
    limit_reached: async () => {
      const as = await aPerson();
      await limitAccount(as, { features: 1 });
      const { ideaId } = await aFeature(as);
      await refuses(contract.addFeature, 'limit_reached', { as, params: { ideaId }, body: { title: 'Two' } });
    },
  },
  updateFeature: {
    not_found: unknownFeature(contract.updateFeature, { title: 'Mine now' }),
    record_changed: async () => {
      const as = await aPerson();
      const { featureId } = await aFeature(as);
      const body = { title: 'Finer grid', updatedAt: '2001-01-01T00:00:00.000Z' };
      await refuses(contract.updateFeature, 'record_changed', { as, params: { featureId }, body });
    },
    limit_reached: async () => {
      const as = await aPerson();
      const params = { featureId: (await aFeature(as)).featureId };
      await limitAccount(as, { storedBytes: 10 });
      await refuses(contract.updateFeature, 'limit_reached', { as, params, body: { notes: 'x'.repeat(20) } });
    },
  },
  removeFeature: { not_found: unknownFeature(contract.removeFeature) },
  getWorld: { not_found: unknownIdea(contract.getWorld) },
  putWorld: { not_found: unknownIdea(contract.putWorld, { name: 'mine-now' }) },
  listCheckpoints: { not_found: unknownIdea(contract.listCheckpoints) },
  showCheckpoint: {
    not_found: async () => {
      const machine = await aMachine();
      const { checkpointId } = await aReview(machine);
      const ask = (as: Person, id: string) =>
        refuses(contract.showCheckpoint, 'not_found', { as, params: { checkpointId: id } });
      await ask(machine.owner, 'chk_unknown');
      await ask(await aPerson(), checkpointId);
    },
  },
  queueCheckpoint: {
    not_found: async () => {
      const owner = await aPerson();
      const ideaId = await anIdea(owner);
      const ask = (as: typeof owner, id: string, rest: object = {}) =>
        refuses(contract.queueCheckpoint, 'not_found', {
          as,
          params: { ideaId: id },
          body: { contextSelection: {}, ...rest },
        });
      await ask(owner, 'ide_unknown');
      await ask(await aPerson(), ideaId);
      await ask(owner, ideaId, { worldId: 'wor_unknown' });
      await ask(owner, ideaId, { featureId: 'fea_unknown' });
      await ask(owner, ideaId, { contextSelection: { featureIds: ['fea_unknown'] } });
    },
    idempotency_conflict: async () => {
      const as = await aPerson();
      const params = { ideaId: await anIdea(as) };
      const headers = { 'Idempotency-Key': 'key-1' };
      await accepts(contract.queueCheckpoint, { as, params, headers, body: { contextSelection: {} } });
      const body = { contextSelection: { userNote: 'Another note.' } };
      await refuses(contract.queueCheckpoint, 'idempotency_conflict', { as, params, headers, body });
    },
    limit_reached: async () => {
      const machine = await aMachine();
      await limitAccount(machine.owner, { queuedJobs: 1 });
      await aPrompt(machine);
      const call = { as: machine.owner, params: { ideaId: machine.ideaId }, body: { contextSelection: {} } };
      await refuses(contract.queueCheckpoint, 'limit_reached', call);
    },
  },
} satisfies Refusals<typeof contract>;

describe('ideas, features, worlds and reviews', () => {
  it.each(scenariosOf(REFUSALS))('$name refuses with $code', ({ provoke }) => provoke());
});
