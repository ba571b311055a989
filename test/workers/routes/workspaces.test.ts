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
  { tab_id: 't1', order_index: 0, project_root: '/srv/a', codex_session_id: 'c-1', resume_tool: 'codex' },
  { tab_id: 't2', order_index: 1, project_root: '/srv/a', codex_session_id: 'c-2' },
  { tabId: 't3', orderIndex: 2, projectRoot: '/srv/b' },
];

describe('a workspace', () => {
  it('is answered flat and wrapped when it is written, with an empty state', async () => {
    const as = await aPerson();
    const { id: ideaId, title } = await accepts(addIdea, { as, body: { title: 'Tides' } });
    const body = { title: 'tidal-survey', description: null, linkedIdea: { ideaId } };
    const added = await accepts(addWorkspace, { as, body });
    expect(added.workspace).toMatchObject({
      workspace_id: added.id,
      title: 'tidal-survey',
      visibility: 'private',
      source_of_truth: 'hosted-workspace',
      linked_idea: { idea_id: ideaId, idea_title: title, relationship: 'primary' },
      metrics: { tab_count: 0, project_count: 0, codex_session_count: 0 },
      state: { state_version: 1, tab_count: 0, tabs: [] },
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
    expect(kept).toMatchObject({ title: 'b', description: 'd', linked_idea: { idea_id: 'ide_elsewhere' } });
    expect(kept.linked_idea).not.toHaveProperty('idea_title');
    const cleared = await accepts(updateWorkspace, {
      ...change,
      body: { description: null, linkedIdea: null, updatedAt: kept.updatedAt },
    });
    expect(cleared).not.toHaveProperty('description');
    expect(cleared).not.toHaveProperty('linked_idea');
    await refuses(updateWorkspace, 'record_changed', { ...change, body: { title: 'c', updatedAt } });
    // Without a precondition, the change overwrites.
    expect(await accepts(updateWorkspace, { ...change, body: { title: 'c' } })).toMatchObject({ title: 'c' });
  });
});

describe('the state of a workspace', () => {
  it('is replaced by each push: the server counts the version, keeps unknown keys and notes the snapshot', async () => {
    const as = await aPerson();
    const at = await aWorkspace(as);
    const state = {
      state_version: 99,
      captured_at_utc: '2026-04-01T10:00:00Z',
      plan: { a: [1] },
      tabs: TABS,
    };
    const pushed = await accepts(pushState, { ...at, body: state });
    expect(pushed).toMatchObject({ state_version: 2, snapshot_id: expect.stringMatching(/^snp_/) });
    const { workspace } = await accepts(showWorkspace, at);
    expect(workspace.state).toMatchObject({
      state_version: 2,
      snapshot_id: pushed.snapshot_id,
      captured_at_utc: '2026-04-01T10:00:00Z',
      plan: { a: [1] },
      tab_count: 3,
      tabs: TABS,
    });
    expect(workspace.metrics).toEqual({ tab_count: 3, project_count: 2, codex_session_count: 2 });
    expect(workspace.latest_event).toMatchObject({
      event_type: 'snapshot.created',
      snapshot_id: pushed.snapshot_id,
      workspace_id: at.params.workspaceId,
    });
    expect(await accepts(listTabs, at)).toMatchObject({ title: 'tidal-survey', tabs: TABS });
    expect((await accepts(pushState, { ...at, body: {} })).state_version).toBe(3);
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
    expect(workspace.state).toMatchObject({ state_version: 2, note: 'x'.repeat(1000) });
    expect((await accepts(listTimeline, { ...at, query: {} })).events).toHaveLength(1);
    // A smaller state fits into a full account.
    expect((await accepts(pushState, { ...at, body: {} })).state_version).toBe(3);
  });
});

describe('the timeline', () => {
  it('has the newest events first, each id once, with what the client left out', async () => {
    const as = await aPerson();
    const at = await aWorkspace(as);
    const first = { event_id: 'e-1', event_type: 'tab.added', tab_ids: ['t1'], mood: 'good' };
    const added = await accepts(addEvent, { ...at, body: first });
    expect(added.event).toMatchObject({
      ...first,
      workspace_id: at.params.workspaceId,
      schema_version: '1.0.0',
    });
    advance(SECOND);
    await accepts(addEvent, { ...at, body: { event_type: 'focus.updated', workspace_id: 'forged' } });
    // The answer was lost, and the client sends the event again.
    expect((await accepts(addEvent, { ...at, body: { ...first, mood: 'bad' } })).event).toEqual(added.event);
    const { events } = await accepts(listTimeline, { ...at, query: {} });
    expect(events.map((event) => event.event_type)).toEqual(['focus.updated', 'tab.added']);
    expect(events[0]).toMatchObject({ workspace_id: at.params.workspaceId });
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
    await accepts(addEvent, { ...at, body: { event_type: 'tab.added' } });
    const row = await env.DB.prepare('SELECT count(*) AS n FROM workspace_events WHERE workspace_id = ?')
      .bind(workspaceId)
      .first<{ n: number }>();
    expect(row?.n).toBe(BOUNDS.workspaceEvents);
    expect((await accepts(listTimeline, { ...at, query: { limit: 1 } })).events).toMatchObject([
      { event_type: 'tab.added' },
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
    expect(rows[0]?.metrics.tab_count).toBe(3);
    expect(rows[0]?.state).not.toHaveProperty('tabs');
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
