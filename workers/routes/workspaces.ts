/** Workspaces of later clients. */

import type { Hono } from 'hono';
import type { ReplyInput } from '../../spec/contract/endpoint.ts';
import * as rows from '../../spec/contract/workspaces.ts';
import { accept } from '../../spec/errors.ts';
import type { AppEnv } from '../http/app-env.ts';
import { mount } from '../http/mount.ts';
import * as workspaces from '../reviews/workspaces.ts';

export function mountWorkspaces(app: Hono<AppEnv>): void {
  mount(app, rows.listWorkspaces, async ({ query, auth, deps }) => {
    const { limit, cursor: before } = query;
    const found = await workspaces.listWorkspaces(deps, auth.id, { limit: limit + 1, before });
    const page = found.slice(0, limit);
    const hasMore = found.length > limit;
    const nextCursor = hasMore ? page.at(-1)?.id : undefined;
    return accept({ ok: true, workspaces: page.map(viewRow), nextCursor, hasMore });
  });

  mount(app, rows.addWorkspace, async ({ body, auth, deps }) => {
    const added = await workspaces.addWorkspace(deps, auth.id, body);
    if (!added.ok) return added;
    const workspace = viewWorkspace(added.value);
    return accept({ ok: true, ...workspace, workspace });
  });

  mount(app, rows.showWorkspace, async ({ params, auth, deps }) => {
    const found = await workspaces.showWorkspace(deps, auth.id, params.workspaceId);
    return found.ok ? accept({ ok: true, workspace: viewWorkspace(found.value) }) : found;
  });

  mount(app, rows.updateWorkspace, async ({ params, body, auth, deps }) => {
    const change = { ...body, id: params.workspaceId, updatedAt: body.updatedAt };
    const updated = await workspaces.updateWorkspace(deps, auth.id, change);
    if (!updated.ok) return updated;
    const workspace = viewWorkspace(updated.value);
    return accept({ ok: true, ...workspace, workspace });
  });

  mount(app, rows.listTabs, async ({ params, auth, deps }) => {
    const found = await workspaces.showWorkspace(deps, auth.id, params.workspaceId);
    if (!found.ok) return found;
    const { row, state } = found.value;
    const tabs = Array.isArray(state.tabs) ? (state.tabs as Record<string, unknown>[]) : [];
    return accept({ ok: true, title: row.title, tabs });
  });
}

/** The state of a workspace and its timeline. */
export function mountTimelines(app: Hono<AppEnv>): void {
  mount(app, rows.listTimeline, async ({ params, query, auth, deps }) => {
    const asked = { id: params.workspaceId, limit: query.limit };
    const events = await workspaces.listEvents(deps, auth.id, asked);
    return events.ok ? accept({ ok: true, events: events.value }) : events;
  });

  mount(app, rows.pushState, async ({ params, body, auth, deps }) => {
    const pushed = await workspaces.pushState(deps, auth.id, { id: params.workspaceId, state: body });
    return pushed.ok ? accept({ ok: true, ...pushed.value }) : pushed;
  });

  mount(app, rows.addEvent, async ({ params, body, auth, deps }) => {
    const added = await workspaces.addEvent(deps, auth.id, { id: params.workspaceId, event: body });
    return added.ok ? accept({ ok: true, event: added.value }) : added;
  });
}

type Summary = ReplyInput<typeof rows.listWorkspaces>['workspaces'][number];

function viewRow(row: workspaces.WorkspaceRow): Summary {
  const time = (at: number) => new Date(at).toISOString();
  const { id, title, visibility, ideaId, stateVersion, tabCount } = row;
  return {
    id,
    title,
    description: row.description ?? undefined,
    visibility,
    linkedIdea:
      ideaId === null
        ? undefined
        : { ideaId, title: row.ideaTitle ?? undefined, relationship: row.relationship ?? 'primary' },
    createdAt: time(row.createdAt),
    updatedAt: time(row.updatedAt),
    stateVersion,
    stateUpdatedAt: time(row.stateAt),
    tabCount,
  };
}

function viewWorkspace({ row, state }: workspaces.WholeWorkspace) {
  return { ...viewRow(row), state: { tabs: [], ...state } };
}
