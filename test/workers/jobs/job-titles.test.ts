/** What a list of jobs says of each, and finding one by the beginning of its id. */

import { describe, expect, it } from 'vitest';
import { enqueueJob, listJobs, PROMPT_START_CHARACTERS } from '../../../spec/contract/jobs.ts';
import { accepts, refuses } from '../harness/call.ts';
import { aMachine, aPrompt } from '../harness/machines.ts';
import { aPerson } from '../harness/people.ts';

describe('a list of jobs', () => {
  it('says how each prompt begins, on one line, cut between characters', async () => {
    const { owner } = await aMachine();
    const prompt = `Count\n\tthe ${'🌊'.repeat(PROMPT_START_CHARACTERS)}`;
    await accepts(enqueueJob, { as: owner, body: { prompt } });
    const { jobs } = await accepts(listJobs, { as: owner, query: {} });
    const [start = ''] = jobs.map((job) => job.promptStart);
    expect(start).toMatch(/^Count the 🌊+…$/u);
    expect(start.length).toBeLessThanOrEqual(PROMPT_START_CHARACTERS);
    expect(start.isWellFormed()).toBe(true);
  });
});

describe('the beginning of an id', () => {
  it('finds the jobs of the account that begin so, and no other', async () => {
    const machine = await aMachine();
    const stranger = await aMachine();
    const id = await aPrompt(machine);
    await aPrompt(machine);
    await aPrompt(stranger);
    const find = async (idPrefix: string) =>
      (await accepts(listJobs, { as: machine.owner, query: { idPrefix } })).jobs.map((job) => job.id);
    expect(await find(id)).toEqual([id]);
    expect(await find(id.slice(0, -1))).toEqual([id]);
    expect(await find('job_')).toHaveLength(2);
    expect(await find('job_zzz')).toEqual([]);
  });

  it('is nothing that a pattern could hide in', async () => {
    for (const idPrefix of ['', '%', 'job_~', 'a b']) {
      await refuses(listJobs, 'invalid_input', { as: await aPerson(), query: { idPrefix } });
    }
  });
});
