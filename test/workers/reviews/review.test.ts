/** Reviews of ideas: what is asked, where it runs, and what becomes of the answer. */

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type { BodyInput } from '../../../spec/contract/endpoint.ts';
import { addFeature, addIdea, putWorld, queueCheckpoint, removeIdea } from '../../../spec/contract/ideas.ts';
import { retryJob } from '../../../spec/contract/jobs.ts';
import { accepts } from '../harness/call.ts';
import { advance, SECOND } from '../harness/clock.ts';
import type { Machine } from '../harness/machines.ts';
import { aMachine, anIdea, aReview, claimAndStart, complete, poll, show } from '../harness/machines.ts';
import { aPerson } from '../harness/people.ts';

describe('a review', () => {
  async function context(): Promise<{ machine: Machine; grid: string; sections: string[] }> {
    const owner = await aPerson();
    const { id: ideaId } = await accepts(addIdea, {
      as: owner,
      body: { title: 'Tidal survey', notes: 'The core plan.', githubUrl: 'https://example.test/repo' },
    });
    const machine = await aMachine({ owner, ideaId });
    await accepts(putWorld, {
      as: owner,
      params: { ideaId },
      body: {
        name: 'survey-repo',
        projectRoot: machine.projectRoot,
        codexSessionId: `codex-${machine.machineId}`,
      },
    });
    const details = [
      { label: 'Spacing', body: '10 m spacing' },
      { label: 'Depth', body: '5 m deep' },
    ];
    const grid = await accepts(addFeature, {
      as: owner,
      params: { ideaId },
      body: { title: 'Sampling grid', notes: 'Grid notes.', details },
    });
    return { machine, grid: grid.id, sections: grid.detailSections.map((section) => section.id) };
  }

  async function promptOf(machine: Machine, body: BodyInput<typeof queueCheckpoint>): Promise<string> {
    const { owner, ideaId } = machine;
    const queued = await accepts(queueCheckpoint, { as: owner, params: { ideaId }, body });
    return (await show(owner, queued.jobId)).prompt;
  }

  it('quotes what it is asked to quote, and asks for the five sections', async () => {
    const { machine, grid, sections } = await context();
    const prompt = await promptOf(machine, {
      contextSelection: {
        featureIds: [grid],
        detailSectionRefs: [{ featureId: grid, detailSectionId: sections[0] ?? '' }],
        userNote: 'Look at the gauges.',
      },
    });
    for (const text of [
      'Tidal survey',
      'The core plan.',
      'https://example.test/repo',
      'survey-repo',
      'Sampling grid',
      'Grid notes.',
      '10 m spacing',
      '5 m deep',
      'Look at the gauges.',
      '## Previous state',
      '## Current state',
      '## Heading state',
      '## Review notes',
      '## Action items',
    ]) {
      expect(prompt).toContain(text);
    }
  });

  it('omits what its selection excludes', async () => {
    const { machine, grid, sections } = await context();
    const prompt = await promptOf(machine, {
      contextSelection: {
        includeIdeaTitle: false,
        includeCorePlan: false,
        includeGithub: false,
        includeRepoBinding: false,
      },
      featureId: grid,
      detailSectionId: sections[1] ?? '',
    });
    for (const text of ['Tidal survey', 'The core plan.', 'example.test', 'survey-repo', '10 m spacing']) {
      expect(prompt).not.toContain(text);
    }
    expect(prompt).toContain('5 m deep');
  });

  it('runs in the session of its world, and its answer becomes the response, parsed', async () => {
    const { machine } = await context();
    const { checkpointId, jobId } = await aReview(machine);
    expect(await show(machine.owner, jobId)).toMatchObject({
      kind: 'idea.checkpoint',
      checkpointId,
      onLeaseLoss: 'requeue',
    });
    const held = await claimAndStart(machine);
    const content =
      '## Current state\nThe grid is ready.\n\n## Review notes\n- neat\n- fast\n\n## Action items\n1. measure\n';
    await complete(held, { content, summary: '## Current state' });
    const row = await env.DB.prepare('SELECT * FROM checkpoints WHERE id = ?').bind(checkpointId).first();
    expect(row).toMatchObject({
      status: 'completed',
      summary: 'The grid is ready.',
      body: content,
      job_id: jobId,
    });
    expect(JSON.parse(String(row?.structured_output))).toEqual({
      currentState: 'The grid is ready.',
      reviewNotes: ['neat', 'fast'],
      actionItems: ['measure'],
    });
  });

  it('that fails records the failed response, and a retry takes it back', async () => {
    const { machine } = await context();
    const { checkpointId, jobId } = await aReview(machine);
    await complete(await claimAndStart(machine), { success: false, error: 'Out of quota.', content: null });
    const read = () => env.DB.prepare('SELECT * FROM checkpoints WHERE id = ?').bind(checkpointId).first();
    expect(await read()).toMatchObject({ status: 'failed', error: 'Out of quota.' });
    await accepts(retryJob, { as: machine.owner, params: { jobId }, body: {} });
    expect(await read()).toMatchObject({ status: 'queued', error: null });
    await complete(await claimAndStart(machine), { content: 'Current state\nBetter.\n' });
    expect(await read()).toMatchObject({ status: 'completed', summary: 'Better.', error: null });
  });

  it('quotes the summaries of earlier responses, oldest first, at most five', async () => {
    const { machine } = await context();
    for (let count = 1; count <= 7; count += 1) {
      advance(SECOND);
      await aReview(machine);
      await complete(await claimAndStart(machine), { content: `Current state\nStep ${count} of seven.\n` });
    }
    const prompt = await promptOf(machine, { contextSelection: { includePreviousResponseSummaries: true } });
    expect([...prompt.matchAll(/Step (\d) of seven/g)].map((match) => match[1])).toEqual([
      '3',
      '4',
      '5',
      '6',
      '7',
    ]);
  });

  it('is queued once for the same Idempotency-Key', async () => {
    const { machine } = await context();
    const { owner: as, ideaId } = machine;
    const queue = () =>
      accepts(queueCheckpoint, {
        as,
        params: { ideaId },
        headers: { 'Idempotency-Key': 'review-1' },
        body: { contextSelection: {} },
      });
    const first = await queue();
    expect(await queue()).toEqual(first);
    await accepts(removeIdea, { as, params: { ideaId }, query: {} });
    expect(await queue()).toEqual(first);
    const count = await env.DB.prepare('SELECT count(*) AS count FROM checkpoints WHERE idea_id = ?')
      .bind(ideaId)
      .first();
    expect(count).toEqual({ count: 1 });
  });

  it('waits with a reason when its idea has no linked repository', async () => {
    const owner = await aPerson();
    const ideaId = await anIdea(owner);
    const body = { contextSelection: {} };
    const { jobId } = await accepts(queueCheckpoint, { as: owner, params: { ideaId }, body });
    expect((await show(owner, jobId)).waiting?.code).toBe('no_machine');
    expect((await poll(await aMachine({ owner }))).job).toBeNull();
  });
});
