/** The reviews of an idea for their owner: the list and the response. */

import { describe, expect, it } from 'vitest';
import { listCheckpoints, removeIdea, showCheckpoint } from '../../../spec/contract/ideas.ts';
import { accepts, refuses, send } from '../harness/call.ts';
import { advance, SECOND } from '../harness/clock.ts';
import { aMachine, anIdea, aReview, claimAndStart, complete, type Machine } from '../harness/machines.ts';
import { aPerson } from '../harness/people.ts';

const CONTENT =
  '## Current state\nThe grid is ready.\n\n## Review notes\n- neat\n\n## Action items\n1. measure\n';

const list = (machine: Machine, query = {}) =>
  accepts(listCheckpoints, { as: machine.owner, params: { ideaId: machine.ideaId }, query });
const show = (machine: Machine, checkpointId: string) =>
  accepts(showCheckpoint, { as: machine.owner, params: { checkpointId } });

describe('a review', () => {
  it('has the status of its job, and then the response as text and in sections', async () => {
    const machine = await aMachine();
    const { checkpointId, jobId } = await aReview(machine);
    const known = { id: checkpointId, ideaId: machine.ideaId, jobId, triggerType: 'agent-feedback' };
    expect((await show(machine, checkpointId)).checkpoint).toMatchObject({ ...known, status: 'queued' });
    const held = await claimAndStart(machine);
    expect((await show(machine, checkpointId)).checkpoint).toMatchObject({ ...known, status: 'running' });
    await complete(held, { content: CONTENT, summary: 'x' });
    const { checkpoint } = await show(machine, checkpointId);
    expect(checkpoint).toMatchObject({
      ...known,
      status: 'completed',
      summary: 'The grid is ready.',
      body: CONTENT,
      respondedAt: expect.any(String),
      structuredOutput: {
        currentState: 'The grid is ready.',
        reviewNotes: ['neat'],
        actionItems: ['measure'],
      },
    });
    expect(JSON.stringify(checkpoint)).not.toContain('null');
  });

  it('that failed says why, and has no response', async () => {
    const machine = await aMachine();
    const { checkpointId } = await aReview(machine);
    await complete(await claimAndStart(machine), { success: false, error: 'Codex broke.', content: null });
    const { checkpoint } = await show(machine, checkpointId);
    expect(checkpoint).toMatchObject({ status: 'failed', error: 'Codex broke.' });
    expect(checkpoint).not.toHaveProperty('structuredOutput');
  });
});

describe('the list of reviews', () => {
  it('pages through all of them, newest first, once each, while new ones arrive', async () => {
    const machine = await aMachine();
    const made: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      made.unshift((await aReview(machine)).checkpointId);
      advance(SECOND);
    }
    const first = await list(machine, { limit: 2 });
    const late = (await aReview(machine)).checkpointId;
    const second = await list(machine, { limit: 2, cursor: first.nextCursor });
    const third = await list(machine, { limit: 2, cursor: second.nextCursor });
    const ids = [first, second, third].flatMap(({ checkpoints }) => checkpoints.map(({ id }) => id));
    expect(ids).toEqual(made);
    expect([first.hasMore, second.hasMore, third.hasMore]).toEqual([true, true, false]);
    expect(third).not.toHaveProperty('nextCursor');
    expect((await list(machine)).checkpoints[0]?.id).toBe(late);
  });

  it('has no responses in it, nothing of another idea, and is empty without reviews', async () => {
    const machine = await aMachine();
    await aReview(machine);
    await complete(await claimAndStart(machine), { content: CONTENT });
    const [row] = (await list(machine)).checkpoints;
    expect(row).toMatchObject({ status: 'completed', summary: 'The grid is ready.' });
    expect(row).not.toHaveProperty('body');
    const other = { ...machine, ideaId: await anIdea(machine.owner) };
    expect(await list(other)).toEqual({ ok: true, checkpoints: [], hasMore: false });
  });

  it('of a removed idea is not found, and a cursor of another list is refused', async () => {
    const machine = await aMachine({ owner: await aPerson() });
    const { owner: as, ideaId } = machine;
    await refuses(listCheckpoints, 'invalid_input', { as, params: { ideaId }, query: { cursor: 'a b' } });
    await accepts(removeIdea, { as, params: { ideaId } });
    expect((await send(listCheckpoints, { as, params: { ideaId } })).status).toBe(404);
  });
});
