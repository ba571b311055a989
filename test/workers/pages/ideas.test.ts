/** The pages about ideas and reviews. */

import { describe, expect, it } from 'vitest';
import { addFeature, addIdea, removeIdea, showIdea } from '../../../spec/contract/ideas.ts';
import { listJobs } from '../../../spec/contract/jobs.ts';
import { aBrowser } from '../harness/browser.ts';
import { accepts, refuses } from '../harness/call.ts';
import { aMachine, anIdea, claimAndStart, complete, type Machine, show } from '../harness/machines.ts';
import { aPerson } from '../harness/people.ts';

const ANSWER = `## Current state
Two gauges report.

## Review notes
- The chart <b>has</b> no legend.

## Action items
1. Add one.
`;

async function featureOf({ owner, ideaId }: Machine): Promise<string> {
  const details = [{ label: 'How', body: 'Compare at slack water.' }];
  const body = { title: 'Calibrate', notes: 'In two steps.', details };
  return (await accepts(addFeature, { as: owner, params: { ideaId }, body })).id;
}

describe('an idea', () => {
  it('shows its plan, features, sessions and reviews', async () => {
    const machine = await aMachine();
    await featureOf(machine);
    const browser = await aBrowser(machine.owner);
    expect((await browser.get('/ideas')).text).toContain('Tidal survey Measure the tide.');
    const { text, html } = await browser.get(`/ideas/${machine.ideaId}`);
    expect(text).toMatch(
      /Plan Measure the tide\. Features 1 Calibrate In two steps\. How Compare at slack water\./,
    );
    expect(html).toContain(`href="/sessions/codex-${machine.machineId}"`);
    expect(text).toContain('No reviews yet.');
  });

  it('is removed and restored with one tap each', async () => {
    const owner = await aPerson();
    const ideaId = await anIdea(owner);
    const browser = await aBrowser(owner);
    const removed = await browser.postAndFollow(`/ideas/${ideaId}/remove`);
    expect(removed.text).toMatch(/The idea was removed\. .*Tidal survey/);
    await refuses(showIdea, 'not_found', { as: owner, params: { ideaId } });
    const restored = await browser.postAndFollow(`/ideas/${ideaId}/restore`);
    expect(restored.text).toMatch(/Tidal survey is back\. .*Plan/);
    await accepts(showIdea, { as: owner, params: { ideaId } });
  });

  it('of somebody else can be neither removed, restored nor reviewed', async () => {
    const owner = await aPerson();
    const ideaId = await anIdea(owner);
    const stranger = await aBrowser(await aPerson());
    for (const order of ['remove', 'restore', 'reviews']) {
      expect((await stranger.post(`/ideas/${ideaId}/${order}`)).status, order).toBe(404);
    }
    await accepts(removeIdea, { as: owner, params: { ideaId } });
    expect((await stranger.post(`/ideas/${ideaId}/restore`)).status).toBe(404);
  });

  it('links to web addresses only', async () => {
    const owner = await aPerson();
    const browser = await aBrowser(owner);
    for (const [githubUrl, isLink] of [
      ['https://github.com/x', true],
      ['javascript:alert(1)', false],
    ] as const) {
      const { id } = await accepts(addIdea, { as: owner, body: { title: 'Link', githubUrl } });
      expect((await browser.get(`/ideas/${id}`)).html.includes(`href="${githubUrl}"`)).toBe(isLink);
    }
  });

  it('that is very long stays a small page', async () => {
    const machine = await aMachine();
    const { owner, ideaId } = machine;
    for (let at = 0; at < 5; at += 1) {
      const body = { title: `Feature ${at}`, notes: 'x '.repeat(100_000) };
      await accepts(addFeature, { as: owner, params: { ideaId }, body });
    }
    const { html, text } = await (await aBrowser(owner)).get(`/ideas/${ideaId}`);
    expect(html.length).toBeLessThan(45_000);
    expect(text).toContain('Feature 4');
    expect(text).toContain('Too long for this page');
  });
});

describe('a review', () => {
  it('is queued with what was chosen, and shows the sections of its answer', async () => {
    const machine = await aMachine();
    const featureId = await featureOf(machine);
    const browser = await aBrowser(machine.owner);
    const path = `/ideas/${machine.ideaId}`;
    const form = { includeCorePlan: '1', feature: featureId, note: 'Look at the modem.', key: 'one-review' };
    const sent = await browser.postAndFollow(`${path}/reviews`, form);
    expect(sent.text).toMatch(/Review queued\. .*Review of an idea/);
    await browser.postAndFollow(`${path}/reviews`, form);
    const [{ id: jobId } = { id: '' }, ...others] = (await accepts(listJobs, { as: machine.owner })).jobs;
    expect(others).toEqual([]);
    const { prompt } = await show(machine.owner, jobId);
    expect(prompt).toContain('Measure the tide.');
    expect(prompt).toContain('Compare at slack water.');
    expect(prompt).toContain('Look at the modem.');
    expect(prompt).not.toContain('Tidal survey');

    await complete(await claimAndStart(machine), { content: ANSWER });
    const { html } = await browser.get(path);
    const review = /href="(\/ideas\/[^"]*\/reviews\/[^"]*)"/.exec(html)?.[1] ?? '';
    const shown = await browser.get(review);
    expect(shown.text).toMatch(
      /Current state Two gauges report\. Review notes The chart <b>has<\/b> no legend\. Action items Add one\./,
    );
  });

  it('that cannot be queued shows why, and keeps the note', async () => {
    const machine = await aMachine();
    const browser = await aBrowser(machine.owner);
    const form = { feature: 'fea_none', note: 'Kept note.' };
    const shown = await browser.post(`/ideas/${machine.ideaId}/reviews`, form);
    expect(shown.status).toBe(404);
    expect(shown.text).toContain('The idea has no feature fea_none.');
    expect(shown.text).toContain('Kept note.');
  });
});
