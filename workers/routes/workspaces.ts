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
    return accept({ ok: true, workspaces: page.map((row) => viewRow(row, {})), nextCursor, hasMore });
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
    return accept({ ok: true, workspace_id: row.id, title: row.title, tabs });
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
    if (!pushed.ok) return pushed;
    const { stateVersion: state_version, snapshotId: snapshot_id } = pushed.value;
    return accept({ ok: true, workspace_id: params.workspaceId, state_version, snapshot_id });
  });

  mount(app, rows.addEvent, async ({ params, body, auth, deps }) => {
    const added = await workspaces.addEvent(deps, auth.id, { id: params.workspaceId, event: body });
    return added.ok ? accept({ ok: true, event: added.value }) : added;
  });
}

type Summary = ReplyInput<typeof rows.listWorkspaces>['workspaces'][number];

/** Converts a workspace. The fields of the server win over those of the pushed state. */
function viewRow(row: workspaces.WorkspaceRow, state: Record<string, unknown>): Summary {
  const time = (at: number) => new Date(at).toISOString();
  return {
    schema_version: '1.0.0',
    workspace_id: row.id,
    id: row.id,
    title: row.title,
    description: row.description ?? undefined,
    visibility: row.visibility,
    source_of_truth: 'hosted-workspace',
    linked_idea:
      row.ideaId === null
        ? undefined
        : {
            idea_id: row.ideaId,
            idea_title: row.ideaTitle ?? undefined,
            relationship: row.relationship ?? 'primary',
          },
    metrics: {
      tab_count: row.tabCount,
      project_count: row.projectCount,
      codex_session_count: row.sessionCount,
    },
    created_at_utc: time(row.createdAt),
    updated_at_utc: time(row.updatedAt),
    updatedAt: time(row.updatedAt),
    state: {
      ...state,
      state_version: row.stateVersion,
      snapshot_id: row.snapshotId,
      updated_at_utc: time(row.stateAt),
      tab_count: row.tabCount,
    },
  };
}

function viewWorkspace({ row, state, latest }: workspaces.WholeWorkspace) {
  return { ...viewRow(row, { tabs: [], ...state }), latest_event: latest };
}
