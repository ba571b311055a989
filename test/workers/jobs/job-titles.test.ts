/** What a list of jobs says of each. */

import { describe, expect, it } from 'vitest';
import { enqueueJob, listJobs, PROMPT_START_CHARACTERS } from '../../../spec/contract/jobs.ts';
import { accepts } from '../harness/call.ts';
import { aMachine } from '../harness/machines.ts';

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
