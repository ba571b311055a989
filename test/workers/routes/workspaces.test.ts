/** Workspaces as the newest clients push and read them. */

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { BOUNDS } from '../../../spec/bounds.ts';
import { addIdea, listIdeas } from '../../../spec/contract/ideas.ts';
import {
  addEvent,
  addWorkspace,
  listTabs,
  listTimeline,
  listWorkspaces,
  pushState,
  showWorkspace,
  updateWorkspace,
} from '../../../spec/contract/workspaces.ts';
import { accepts, refuses } from '../harness/call.ts';
import { advance, SECOND } from '../harness/clock.ts';
import { limitAccount, usageOf } from '../harness/limits.ts';
import { aPerson, type Person } from '../harness/people.ts';

async function aWorkspace(as: Person, title = 'tidal-survey') {
  const { id: workspaceId } = await accepts(addWorkspace, { as, body: { title } });
  return { as, params: { workspaceId } };
}

const TABS = [
  { name: 't1', resume_tool: 'codex', resume_session_id: 'c-1' },
  { name: 't2', resume_tool: 'codex' },
  { name: 't3' },
];

describe('a workspace', () => {
  it('is answered flat and wrapped when it is written, with an empty state', async () => {
    const as = await aPerson();
    const { id: ideaId, title } = await accepts(addIdea, { as, body: { title: 'Tides' } });
    const body = { title: 'tidal-survey', description: null, linkedIdea: { ideaId } };
    const added = await accepts(addWorkspace, { as, body });
    expect(added.workspace).toMatchObject({
      id: added.id,
      title: 'tidal-survey',
      visibility: 'private',
      linkedIdea: { ideaId, title, relationship: 'primary' },
      stateVersion: 0,
      tabCount: 0,
      state: { tabs: [] },
    });
    expect(added).toMatchObject(added.workspace);
    expect(JSON.stringify(added)).not.toContain('null');
    const shown = await accepts(showWorkspace, { as, params: { workspaceId: added.id } });
    expect(shown.workspace).toEqual(added.workspace);
  });

  it('keeps what a change leaves out, clears what is null, and is changed once by two at once', async () => {
    const as = await aPerson();
    const body = { title: 'a', description: 'd', linkedIdea: { ideaId: 'ide_elsewhere' } };
    const { id: workspaceId, updatedAt } = await accepts(addWorkspace, { as, body });
    const change = { as, params: { workspaceId } };
    const kept = await accepts(updateWorkspace, { ...change, body: { title: 'b', updatedAt } });
    expect(kept).toMatchObject({ title: 'b', description: 'd', linkedIdea: { ideaId: 'ide_elsewhere' } });
    expect(kept.linkedIdea).not.toHaveProperty('title');
    const cleared = await accepts(updateWorkspace, {
      ...change,
      body: { description: null, linkedIdea: null, updatedAt: kept.updatedAt },
    });
    expect(cleared).not.toHaveProperty('description');
    expect(cleared).not.toHaveProperty('linkedIdea');
    await refuses(updateWorkspace, 'record_changed', { ...change, body: { title: 'c', updatedAt } });
    // Without a precondition, the change overwrites.
    expect(await accepts(updateWorkspace, { ...change, body: { title: 'c' } })).toMatchObject({ title: 'c' });
  });
});

describe('the state of a workspace', () => {
  it('is replaced by each push: the server counts the version, keeps unknown keys and notes the snapshot', async () => {
    const as = await aPerson();
    const at = await aWorkspace(as);
    const state = { stateVersion: 99, plan: { a: [1] }, tabs: TABS };
    expect(await accepts(pushState, { ...at, body: state })).toMatchObject({ stateVersion: 1 });
    const { workspace } = await accepts(showWorkspace, at);
    expect(workspace).toMatchObject({ stateVersion: 1, tabCount: 3, state });
    expect(await accepts(listTabs, at)).toMatchObject({ title: 'tidal-survey', tabs: TABS });
    const { events } = await accepts(listTimeline, { ...at, query: {} });
    expect(events).toMatchObject([{ type: 'snapshot.created', tabCount: 3 }]);
    expect((await accepts(pushState, { ...at, body: {} })).stateVersion).toBe(2);
    expect((await accepts(listTabs, at)).tabs).toEqual([]);
  });

  it('counts as stored bytes, and is refused when the account is full, with everything as it was', async () => {
    const as = await aPerson();
    const at = await aWorkspace(as);
    const before = (await usageOf(as)).bytes;
    await accepts(pushState, { ...at, body: { note: 'x'.repeat(1000) } });
    expect((await usageOf(as)).bytes).toBeGreaterThan(before + 1000);
    await limitAccount(as, { storedBytes: (await usageOf(as)).bytes + 500 });
    await refuses(pushState, 'limit_reached', { ...at, body: { note: 'x'.repeat(3000) } });
    const { workspace } = await accepts(showWorkspace, at);
    expect(workspace).toMatchObject({ stateVersion: 1, state: { note: 'x'.repeat(1000) } });
    expect((await accepts(listTimeline, { ...at, query: {} })).events).toHaveLength(1);
    // A smaller state fits into a full account.
    expect((await accepts(pushState, { ...at, body: {} })).stateVersion).toBe(2);
  });
});

describe('the timeline', () => {
  it('has the newest events first, each id once, with what the client left out', async () => {
    const as = await aPerson();
    const at = await aWorkspace(as);
    const first = { eventId: 'e-1', type: 'tab.added', mood: 'good' };
    const added = await accepts(addEvent, { ...at, body: first });
    expect(added.event).toMatchObject({ ...first, id: 'e-1' });
    advance(SECOND);
    await accepts(addEvent, { ...at, body: { type: 'focus.updated' } });
    // The answer was lost, and the client sends the event again.
    expect((await accepts(addEvent, { ...at, body: { ...first, mood: 'bad' } })).event).toEqual(added.event);
    expect((await accepts(addEvent, { ...at, body: { event_id: 'e-1' } })).event).toEqual(added.event);
    const { events } = await accepts(listTimeline, { ...at, query: {} });
    expect(events.map((event) => event.type)).toEqual(['focus.updated', 'tab.added']);
    expect((await accepts(listTimeline, { ...at, query: { limit: 1 } })).events).toHaveLength(1);
  });

  it('keeps no more events than the bound', async () => {
    const as = await aPerson();
    const at = await aWorkspace(as);
    const { workspaceId } = at.params;
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
       INSERT INTO workspace_events (user_id, workspace_id, id, at, event) SELECT ?, ?, 'e' || i, i, '{}' FROM n`,
    )
      .bind(as.userId, workspaceId)
      .run();
    await accepts(addEvent, { ...at, body: { type: 'tab.added' } });
    const row = await env.DB.prepare('SELECT count(*) AS n FROM workspace_events WHERE workspace_id = ?')
      .bind(workspaceId)
      .first<{ n: number }>();
    expect(row?.n).toBe(BOUNDS.workspaceEvents);
    expect((await accepts(listTimeline, { ...at, query: { limit: 1 } })).events).toMatchObject([
      { type: 'tab.added' },
    ]);
  });
});

describe('the list of workspaces', () => {
  it('pages through all of them, once each, without their tabs, and with nothing of others', async () => {
    const [as, other] = [await aPerson(), await aPerson()];
    await aWorkspace(other);
    const made: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      const at = await aWorkspace(as, `w-${count}`);
      await accepts(pushState, { ...at, body: { tabs: TABS } });
      made.unshift(at.params.workspaceId);
      advance(SECOND);
    }
    const first = await accepts(listWorkspaces, { as, query: { limit: 3 } });
    // A change in between moves nothing.
    await accepts(updateWorkspace, { as, params: { workspaceId: made[4] ?? '' }, body: { title: 'moved' } });
    const second = await accepts(listWorkspaces, { as, query: { limit: 3, cursor: first.nextCursor } });
    const rows = [...first.workspaces, ...second.workspaces];
    expect(rows.map(({ id }) => id)).toEqual(made);
    expect(rows[0]?.tabCount).toBe(3);
    expect(rows[0]).not.toHaveProperty('state');
    expect([first.hasMore, second.hasMore]).toEqual([true, false]);
  });
});

describe('what the newest client needs of ideas', () => {
  it('is a page of 200 ideas with their complete notes', async () => {
    const as = await aPerson();
    const notes = `plan\n${'x'.repeat(2000)}`;
    await accepts(addIdea, { as, body: { title: 'Tides', notes, linkLabel: 'orp-connections' } });
    const page = await accepts(listIdeas, { as, query: { limit: 200 } });
    expect(page.ideas).toMatchObject([{ title: 'Tides', notes, linkLabel: 'orp-connections' }]);
    expect(page.limit).toBe(200);
  });
});
