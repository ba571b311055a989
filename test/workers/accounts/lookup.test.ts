/** Finding the complete id of what a person named by the beginning of its id. */

import { describe, expect, it } from 'vitest';
import { addFeature, addIdea } from '../../../spec/contract/ideas.ts';
import { findIds, LOOKUP_LIMIT, type LookupKind } from '../../../spec/contract/machines.ts';
import { accepts, refuses } from '../harness/call.ts';
import { aMachine, aPrompt, aReview } from '../harness/machines.ts';
import { aPerson } from '../harness/people.ts';

async function everything() {
  const machine = await aMachine();
  const { idea } = await accepts(addIdea, { as: machine.owner, body: { title: 'Tides' } });
  const { feature } = await accepts(addFeature, {
    as: machine.owner,
    params: { ideaId: idea.id },
    body: { title: 'Gauges' },
  });
  const job = await aPrompt(machine);
  const ids: Record<LookupKind, string> = {
    job,
    idea: idea.id,
    feature: feature.id,
    machine: machine.machineId,
    checkpoint: (await aReview(machine)).checkpointId,
  };
  const find = async (kind: LookupKind, prefix: string) =>
    (await accepts(findIds, { as: machine.owner, query: { kind, prefix } })).ids;
  return { machine, ids, find };
}

describe('the beginning of an id', () => {
  it.each(['job', 'idea', 'feature', 'machine', 'checkpoint'] as const)(
    'finds the %s of the account, and no other',
    async (kind) => {
      const { ids, find } = await everything();
      const other = await everything();
      expect(await find(kind, ids[kind])).toEqual([ids[kind]]);
      expect(await find(kind, ids[kind].slice(0, -1))).toEqual([ids[kind]]);
      expect(await find(kind, ids[kind].slice(0, 2))).not.toContain(other.ids[kind]);
      expect(await find(kind, `${ids[kind]}x`)).toEqual([]);
    },
  );

  it('finds at most six, in order', async () => {
    const { machine, find } = await everything();
    for (let made = 0; made < LOOKUP_LIMIT; made += 1) await aPrompt(machine);
    const found = await find('job', 'job_');
    expect(found).toHaveLength(LOOKUP_LIMIT);
    expect(found).toEqual([...found].sort());
  });

  it('may hold no pattern', async () => {
    for (const prefix of ['', '%', 'job_~', 'a b']) {
      await refuses(findIds, 'invalid_input', { as: await aPerson(), query: { kind: 'job', prefix } });
    }
  });
});
