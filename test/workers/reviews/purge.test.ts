/** What becomes of an idea that is removed, restored or purged, and of everything that hangs on it. */

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import {
  addFeature,
  getWorld,
  listFeatures,
  putWorld,
  removeIdea,
  restoreIdea,
} from '../../../spec/contract/ideas.ts';
import { accepts, send } from '../harness/call.ts';
import { currentTime } from '../harness/clock.ts';
import {
  aMachine,
  anIdea,
  aPrompt,
  aReview,
  beat,
  claimAndStart,
  complete,
  show,
} from '../harness/machines.ts';
import { aPerson } from '../harness/people.ts';

const count = async (table: string, ideaId: string) =>
  (
    await env.DB.prepare(`SELECT count(*) AS n FROM ${table} WHERE idea_id = ?`)
      .bind(ideaId)
      .first<{ n: number }>()
  )?.n;

describe('a purge', () => {
  const purge = { purge: '1' } as const;

  it('cancels the queued and the running jobs of the idea first, and no other job', async () => {
    const machine = await aMachine();
    const { owner: as, ideaId } = machine;
    const other = await aMachine({ owner: as });
    const running = await aPrompt(machine);
    const held = await claimAndStart(machine);
    const queued = await aPrompt(machine, { notBefore: new Date(currentTime() + 86_400_000).toISOString() });
    const { checkpointId, jobId: review } = await aReview(machine);
    const elsewhere = await aPrompt(other);

    const answer = await accepts(removeIdea, { as, params: { ideaId }, query: purge });
    expect(answer).toEqual({ ok: true, removedIdeaId: ideaId, mode: 'purge', cancelledJobs: 3 });
    for (const jobId of [running, queued, review]) {
      expect(await show(as, jobId)).toMatchObject({
        status: 'cancelled',
        cancel: { by: as.email, reason: `The idea ${ideaId} was purged.` },
      });
    }
    expect(await show(as, elsewhere)).toMatchObject({ status: 'queued' });
    // The runner of the running job stops its agent.
    expect((await beat(held)).lease).toMatchObject({ valid: false, action: 'stop' });
    const row = await env.DB.prepare('SELECT status FROM checkpoints WHERE id = ?')
      .bind(checkpointId)
      .first();
    expect(row).toBeNull();
    const orders = await env.DB.prepare(
      "SELECT count(*) AS n FROM audit_log WHERE subject IN (?, ?, ?) AND action = 'cancel'",
    )
      .bind(running, queued, review)
      .first<{ n: number }>();
    expect(orders?.n).toBe(3);
  });

  it('leaves nothing of the idea, also when it was removed before, and is final', async () => {
    const machine = await aMachine();
    const { owner: as, ideaId } = machine;
    const params = { ideaId };
    await accepts(addFeature, { as, params, body: { title: 'Grid' } });
    await accepts(putWorld, { as, params, body: { name: 'survey' } });
    await aReview(machine);
    await accepts(removeIdea, { as, params });
    await accepts(removeIdea, { as, params, query: purge });
    for (const table of ['features', 'worlds', 'checkpoints']) expect(await count(table, ideaId)).toBe(0);
    expect((await send(restoreIdea, { as, params, body: {} })).status).toBe(404);
    expect((await send(removeIdea, { as, params, query: purge })).status).toBe(404);
  });

  it('of another account changes nothing', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    const stranger = await aPerson();
    const { ideaId } = machine;
    expect((await send(removeIdea, { as: stranger, params: { ideaId }, query: purge })).status).toBe(404);
    expect(await show(machine.owner, jobId)).toMatchObject({ status: 'queued' });
  });

  it('cancels more jobs than one statement takes', async () => {
    const machine = await aMachine();
    const { owner: as, ideaId } = machine;
    const jobId = await aPrompt(machine);
    // Copies of the row: to queue 1,200 jobs over HTTP takes too long.
    const { results } = await env.DB.prepare('SELECT * FROM jobs WHERE id = ?').bind(jobId).all();
    // The database itself derives `place` and `lane`.
    const names = Object.keys(results[0] ?? {}).filter((name) => !['id', 'place', 'lane'].includes(name));
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
       INSERT INTO jobs (id, ${names.join(', ')}) SELECT id || '-' || i, ${names.join(', ')} FROM jobs, n WHERE id = ?`,
    )
      .bind(jobId)
      .run();
    await accepts(removeIdea, { as, params: { ideaId }, query: purge });
    const row = await env.DB.prepare(
      'SELECT count(*) AS n FROM jobs WHERE idea_id = ? AND finished_at IS NULL',
    )
      .bind(ideaId)
      .first<{ n: number }>();
    expect(row?.n).toBe(0);
  });
});

describe('a removed idea', () => {
  it('is restored with its features, its world, its reviews and its queued jobs', async () => {
    const machine = await aMachine();
    const { owner: as, ideaId } = machine;
    const params = { ideaId };
    await accepts(addFeature, { as, params, body: { title: 'Grid', details: [{ body: '10 m' }] } });
    const { world } = await accepts(putWorld, { as, params, body: { name: 'survey' } });
    await aReview(machine);
    await complete(await claimAndStart(machine), { content: 'Good.' });
    const queued = await aPrompt(machine);
    await accepts(removeIdea, { as, params });
    expect((await send(getWorld, { as, params })).status).toBe(404);
    expect((await send(listFeatures, { as, params })).status).toBe(404);

    await accepts(restoreIdea, { as, params, body: {} });
    expect((await accepts(getWorld, { as, params })).world).toEqual(world);
    const { features } = await accepts(listFeatures, { as, params });
    expect(features).toMatchObject([{ title: 'Grid', detailSections: [{ body: '10 m' }] }]);
    expect(await count('checkpoints', ideaId)).toBe(1);
    expect(await show(as, queued)).toMatchObject({ status: 'queued', ideaId });
  });

  it('keeps its unfinished jobs, because it can be restored', async () => {
    const as = await aPerson();
    const machine = await aMachine({ owner: as, ideaId: await anIdea(as) });
    const jobId = await aPrompt(machine);
    await accepts(removeIdea, { as, params: { ideaId: machine.ideaId } });
    expect(await show(as, jobId)).toMatchObject({ status: 'queued' });
  });
});
