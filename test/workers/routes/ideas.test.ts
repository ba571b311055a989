/** Ideas, features and worlds as the v0.4.4 client writes and reads them. */

import { describe, expect, it } from 'vitest';
import {
  addFeature,
  addIdea,
  getWorld,
  listFeatures,
  listIdeas,
  putWorld,
  removeFeature,
  removeIdea,
  restoreIdea,
  showIdea,
  updateFeature,
  updateIdea,
} from '../../../spec/contract/ideas.ts';
import { accepts, send } from '../harness/call.ts';
import { advance, SECOND } from '../harness/clock.ts';
import { anIdea } from '../harness/machines.ts';
import { aPerson } from '../harness/people.ts';

describe('an idea', () => {
  it('is answered flat and wrapped when it is written', async () => {
    const as = await aPerson();
    const body = { title: '  Tidal survey ', notes: ' core plan\n', githubUrl: null, linkLabel: '' };
    const added = await accepts(addIdea, { as, body });
    expect(added).toMatchObject({
      ok: true,
      title: 'Tidal survey',
      notes: ' core plan\n',
      visibility: 'private',
    });
    expect(added.idea).toMatchObject({ id: added.id, updatedAt: added.updatedAt });
    expect(added).not.toHaveProperty('githubUrl');
    const shown = await accepts(showIdea, { as, params: { ideaId: added.id } });
    expect(shown.idea).toMatchObject({ id: added.id, notes: ' core plan\n' });
    expect(shown.features).toEqual([]);
  });

  it('keeps what an update leaves out, and clears what it nulls', async () => {
    const as = await aPerson();
    const body = {
      title: 'Tidal survey',
      notes: 'plan',
      githubUrl: 'https://example.test/r',
      linkLabel: 'Repo',
    };
    const { id: ideaId, updatedAt } = await accepts(addIdea, { as, body });
    const updated = await accepts(updateIdea, {
      as,
      params: { ideaId },
      body: { githubUrl: null, visibility: 'public', updatedAt },
    });
    expect(updated).toMatchObject({
      title: 'Tidal survey',
      notes: 'plan',
      linkLabel: 'Repo',
      visibility: 'public',
    });
    expect(updated).not.toHaveProperty('githubUrl');
    expect(updated.updatedAt).not.toBe(updatedAt);
  });

  it('changes its updatedAt with every write, even within one millisecond', async () => {
    const as = await aPerson();
    const params = { ideaId: await anIdea(as) };
    const seen = new Set<string>();
    for (const notes of ['a', 'b', 'c']) {
      seen.add((await accepts(updateIdea, { as, params, body: { notes } })).updatedAt);
    }
    expect(seen.size).toBe(3);
  });

  it('is written once when two send the same updatedAt at once', async () => {
    const as = await aPerson();
    const params = { ideaId: await anIdea(as) };
    const { updatedAt } = (await accepts(showIdea, { as, params })).idea;
    const answers = await Promise.all(
      ['one', 'two'].map((notes) => send(updateIdea, { as, params, body: { notes, updatedAt } })),
    );
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 409]);
  });

  it('can be restored after a removal with everything it had, and never after a purge', async () => {
    const as = await aPerson();
    const params = { ideaId: await anIdea(as) };
    await accepts(addFeature, { as, params, body: { title: 'Grid' } });
    expect(await accepts(removeIdea, { as, params })).toMatchObject({
      removedIdeaId: params.ideaId,
      mode: 'soft',
    });
    expect(await accepts(removeIdea, { as, params })).toMatchObject({ mode: 'soft' });
    expect((await send(showIdea, { as, params })).status).toBe(404);
    const deleted = await accepts(listIdeas, { as, query: { deleted: '1' } });
    expect(deleted.ideas).toMatchObject([{ id: params.ideaId, deletedAt: expect.any(String) }]);

    const restored = await accepts(restoreIdea, { as, params, body: {} });
    expect(restored).toMatchObject({ ok: true, id: params.ideaId, idea: { id: params.ideaId } });
    expect((await accepts(showIdea, { as, params })).features).toHaveLength(1);

    expect(await accepts(removeIdea, { as, params, query: { purge: '1' } })).toMatchObject({ mode: 'purge' });
    expect((await send(restoreIdea, { as, params, body: {} })).status).toBe(404);
    expect((await accepts(listIdeas, { as, query: { deleted: '1' } })).ideas).toEqual([]);
  });

  it('tolerates fields it does not know', async () => {
    const as = await aPerson();
    const body = { title: 'Tidal survey', mood: 'curious', features: 'none' };
    expect(await accepts(addIdea, { as, body })).toMatchObject({ title: 'Tidal survey' });
  });
});

describe('a list of ideas', () => {
  it('pages through all of them, newest first, once each', async () => {
    const as = await aPerson();
    const added: string[] = [];
    for (let count = 0; count < 7; count += 1) {
      added.unshift(await anIdea(as, `Idea ${count}`));
      advance(SECOND);
    }
    const seen: string[] = [];
    for (let cursor: string | undefined, pages = 0; pages === 0 || cursor !== undefined; pages += 1) {
      const page = await accepts(listIdeas, { as, query: { limit: 3, ...(cursor ? { cursor } : {}) } });
      expect(page.hasMore).toBe(page.nextCursor !== undefined);
      seen.push(...page.ideas.map((idea) => idea.id));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(added);
  });

  it('repeats and skips nothing when an idea changes between two pages', async () => {
    const as = await aPerson();
    const ids: string[] = [];
    for (let count = 0; count < 6; count += 1) {
      ids.unshift(await anIdea(as, `Idea ${count}`));
      advance(SECOND);
    }
    const first = await accepts(listIdeas, { as, query: { limit: 2 } });
    await accepts(updateIdea, {
      as,
      params: { ideaId: ids[5] ?? '' },
      body: { notes: 'moved to the front' },
    });
    const cursor = first.nextCursor ?? '';
    const second = await accepts(listIdeas, { as, query: { limit: 10, cursor } });
    expect(second.ideas.map((idea) => idea.id)).toEqual(ids.slice(2, 5));
  });

  it('sorts as asked, and by the newest change when it does not know the sort', async () => {
    const as = await aPerson();
    const b = await anIdea(as, 'b');
    advance(SECOND);
    const a = await anIdea(as, 'A');
    const order = async (sort: string) =>
      (await accepts(listIdeas, { as, query: { sort } })).ideas.map((idea) => idea.id);
    expect(await order('created_asc')).toEqual([b, a]);
    expect(await order('title_asc')).toEqual([a, b]);
    expect(await order('nonsense')).toEqual([a, b]);
    expect((await accepts(listIdeas, { as, query: { sort: 'nonsense' } })).sort).toBe('updated_desc');
  });

  it('holds the complete notes and nothing of another account', async () => {
    const [as, other] = [await aPerson(), await aPerson()];
    await anIdea(other, 'Not yours');
    const ideaId = await anIdea(as);
    const { ideas } = await accepts(listIdeas, { as });
    expect(ideas).toMatchObject([{ id: ideaId, notes: 'Measure the tide.' }]);
  });

  it('continues after titles of the greatest length, whatever their characters', async () => {
    const as = await aPerson();
    for (const title of ['\u0007'.repeat(1000), '潮'.repeat(1000)])
      await accepts(addIdea, { as, body: { title: `x${title.slice(1)}`, notes: '' } });
    const query = { limit: 1, sort: 'title_asc' };
    const first = await accepts(listIdeas, { as, query });
    const { nextCursor: cursor = '' } = first;
    const second = await accepts(listIdeas, { as, query: { ...query, cursor } });
    expect(second.ideas).toHaveLength(1);
    expect(second.ideas[0]?.id).not.toBe(first.ideas[0]?.id);
  });

  it('refuses a cursor that it did not give out', async () => {
    const as = await aPerson();
    for (const cursor of ['None', '-1', 'o-1', '%', 'x'.repeat(200)]) {
      expect((await send(listIdeas, { as, query: { cursor } })).status).toBe(400);
    }
  });
});

describe('a feature', () => {
  it('keeps its sections in order and shows the first one in the old flat fields', async () => {
    const as = await aPerson();
    const params = { ideaId: await anIdea(as) };
    const details = [
      { label: 'Detail', body: '10 m spacing' },
      { label: '', body: 'north to south' },
    ];
    const added = await accepts(addFeature, { as, params, body: { title: 'Grid', details, starred: true } });
    expect(added.feature.id).toBe(added.id);
    expect(added).toMatchObject({
      detail: '10 m spacing',
      detailLabel: 'Detail',
      starred: true,
      completed: false,
    });
    expect(added.detailSections.map(({ label, body }) => ({ label, body }))).toEqual([
      { label: 'Detail', body: '10 m spacing' },
      { label: 'Detail', body: 'north to south' },
    ]);
    expect((await accepts(listFeatures, { as, params })).features).toHaveLength(1);
    expect((await accepts(showIdea, { as, params })).features).toHaveLength(1);
  });

  it('does not lose its other sections when v0.4.4 changes only the first', async () => {
    const as = await aPerson();
    const params = { ideaId: await anIdea(as) };
    const details = [{ body: 'first' }, { body: 'second' }];
    const added = await accepts(addFeature, { as, params, body: { title: 'Grid', details } });
    const [first] = added.detailSections;
    const updated = await accepts(updateFeature, {
      as,
      params: { featureId: added.id },
      body: {
        ideaId: params.ideaId,
        detail: '5 m',
        details: [{ id: first?.id, label: 'Detail', body: '5 m' }],
        updatedAt: added.updatedAt,
      },
    });
    expect(updated.detailSections.map((section) => section.body)).toEqual(['5 m', 'second']);
  });

  it('drops every section when the list is empty', async () => {
    const as = await aPerson();
    const params = { ideaId: await anIdea(as) };
    const added = await accepts(addFeature, {
      as,
      params,
      body: { title: 'Grid', details: [{ body: 'x' }] },
    });
    const cleared = await accepts(updateFeature, {
      as,
      params: { featureId: added.id },
      body: { details: [] },
    });
    expect(cleared.detailSections).toEqual([]);
    expect(cleared).not.toHaveProperty('detail');
  });

  it('is completed without knowing its updatedAt, and removed', async () => {
    const as = await aPerson();
    const params = { ideaId: await anIdea(as) };
    const { id: featureId } = await accepts(addFeature, { as, params, body: { title: 'Grid' } });
    const done = await accepts(updateFeature, { as, params: { featureId }, body: { completed: true } });
    expect(done.completed).toBe(true);
    const removed = await accepts(removeFeature, { as, params: { featureId } });
    expect(removed).toEqual({ ok: true, removedFeatureId: featureId, ideaId: params.ideaId });
  });
});

describe('a world', () => {
  it('is absent until it is bound, and keeps its id afterwards', async () => {
    const as = await aPerson();
    const params = { ideaId: await anIdea(as) };
    expect(await accepts(getWorld, { as, params })).toEqual({ ok: true });
    const bound = await accepts(putWorld, {
      as,
      params,
      body: {
        name: 'survey-repo',
        projectRoot: '/home/mira/survey',
        githubUrl: null,
        codexSessionId: 'codex-1',
      },
    });
    expect(bound.world).toMatchObject({ name: 'survey-repo', codexSessionId: 'codex-1', status: 'active' });
    expect(bound.world).not.toHaveProperty('githubUrl');
    const again = await accepts(putWorld, { as, params, body: { projectRoot: '' } });
    expect(again.world).toMatchObject({ id: bound.world.id, name: 'survey-repo', codexSessionId: 'codex-1' });
    expect(again.world).not.toHaveProperty('projectRoot');
    expect((await accepts(getWorld, { as, params })).world).toEqual(again.world);
  });

  it('has one id when two bind it for the first time at once', async () => {
    const as = await aPerson();
    const params = { ideaId: await anIdea(as) };
    const bound = await Promise.all(
      ['a', 'b'].map((name) => accepts(putWorld, { as, params, body: { name } })),
    );
    expect(new Set(bound.map(({ world }) => world.id)).size).toBe(1);
  });
});
