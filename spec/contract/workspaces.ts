/**
 * Workspaces of later clients: which terminals a person has open, with their repositories and sessions, and a timeline.
 * The clients read each field in snake_case or camelCase, and push more keys than they document. So the server keeps every
 * key of a state and of an event.
 */

import * as z from 'zod';
import { absentable, endpoint, line, ok, queryInteger } from './endpoint.ts';

const VISIBILITIES = ['private', 'team', 'public'] as const;

const linkedIdea = z.object({
  ideaId: z.string().min(1).max(128),
  relationship: z.enum(['primary', 'mirror', 'reference']).default('primary'),
});

const workspaceBody = z.object({
  title: line.optional(),
  description: z.string().max(4096).nullish(),
  visibility: z.enum(VISIBILITIES).optional(),
  /** Null removes the link. */
  linkedIdea: linkedIdea.nullish(),
});

const event = z.looseObject({
  schema_version: z.string(),
  event_id: z.string(),
  workspace_id: z.string(),
  event_type: z.string(),
  created_at_utc: z.string(),
});

const state = z.looseObject({
  state_version: z.number().int(),
  snapshot_id: z.string(),
  updated_at_utc: z.string(),
  tab_count: z.number().int(),
});

const summary = z.object({
  schema_version: z.string(),
  workspace_id: z.string(),
  id: z.string(),
  title: z.string(),
  description: absentable,
  visibility: z.string(),
  source_of_truth: z.literal('hosted-workspace'),
  linked_idea: z.object({ idea_id: z.string(), idea_title: absentable, relationship: z.string() }).optional(),
  metrics: z.object({
    tab_count: z.number().int(),
    project_count: z.number().int(),
    codex_session_count: z.number().int(),
  }),
  created_at_utc: z.string(),
  updated_at_utc: z.string(),
  /** The same time. Send it back with a change. */
  updatedAt: z.string(),
  /** In a list, the state has no tabs. */
  state,
});

const workspace = summary.extend({ latest_event: event.optional() });
/** Answers to writes are wrapped and flat, as for ideas. */
const written = workspace.extend({ ok, workspace });

export const listWorkspaces = endpoint({
  name: 'listWorkspaces',
  method: 'GET',
  path: '/api/cli/workspaces',
  summary: 'List your workspaces, newest first, one page at a time.',
  query: z.object({
    limit: queryInteger(1, 200, 25),
    /** The `nextCursor` of the previous page: the id of its last workspace. */
    cursor: z
      .string()
      .regex(/^[A-Za-z0-9_]{1,64}$/, 'was not issued by this list')
      .optional(),
  }),
  reply: z.object({ ok, workspaces: z.array(summary), nextCursor: absentable, hasMore: z.boolean() }),
  errors: [],
  idempotent: true,
  capability: 'workspaces',
  needs: 'read',
});

export const addWorkspace = endpoint({
  name: 'addWorkspace',
  method: 'POST',
  path: '/api/cli/workspaces',
  summary: 'Add a workspace.',
  body: workspaceBody.extend({ title: line.trim().min(1) }),
  reply: written,
  status: 201,
  errors: ['limit_reached'],
  idempotent: false,
  capability: 'workspaces',
});

export const showWorkspace = endpoint({
  name: 'showWorkspace',
  method: 'GET',
  path: '/api/cli/workspaces/:workspaceId',
  summary: 'Show a workspace with its state.',
  reply: z.object({ ok, workspace }),
  errors: ['not_found'],
  idempotent: true,
  capability: 'workspaces',
  needs: 'read',
});

export const updateWorkspace = endpoint({
  name: 'updateWorkspace',
  method: 'PATCH',
  path: '/api/cli/workspaces/:workspaceId',
  summary:
    'Change a workspace. Send the `updatedAt` that you read, so that the change does not overwrite a newer one.',
  body: workspaceBody.extend({ updatedAt: z.string().max(64).optional() }),
  reply: written,
  errors: ['not_found', 'record_changed'],
  idempotent: false,
  capability: 'workspaces',
});

export const listTabs = endpoint({
  name: 'listTabs',
  method: 'GET',
  path: '/api/cli/workspaces/:workspaceId/tabs',
  summary: 'List the tabs of the last state of a workspace.',
  reply: z.object({
    ok,
    workspace_id: z.string(),
    title: z.string(),
    tabs: z.array(z.record(z.string(), z.unknown())),
  }),
  errors: ['not_found'],
  idempotent: true,
  capability: 'workspaces',
  needs: 'read',
});

export const listTimeline = endpoint({
  name: 'listTimeline',
  method: 'GET',
  path: '/api/cli/workspaces/:workspaceId/timeline',
  summary: 'List the newest events of a workspace, newest first.',
  query: z.object({ limit: queryInteger(1, 200, 50) }),
  reply: z.object({ ok, events: z.array(event) }),
  errors: ['not_found'],
  idempotent: true,
  capability: 'workspaces',
  needs: 'read',
});

/** A state with all its tabs. */
const STATE_BYTES = 512 * 1024;

export const pushState = endpoint({
  name: 'pushState',
  method: 'POST',
  path: '/api/cli/workspaces/:workspaceId/state',
  summary:
    'Replace the state of a workspace. The server counts the version, sets the time and adds the event `snapshot.created`.',
  body: z.looseObject({ tabs: z.array(z.record(z.string(), z.unknown())).max(1000).default([]) }),
  maxBodyBytes: STATE_BYTES,
  reply: z.object({ ok, workspace_id: z.string(), state_version: z.number().int(), snapshot_id: z.string() }),
  errors: ['not_found', 'limit_reached'],
  idempotent: false,
  capability: 'workspaces',
});

export const addEvent = endpoint({
  name: 'addEvent',
  method: 'POST',
  path: '/api/cli/workspaces/:workspaceId/events',
  summary: 'Add an event to the timeline of a workspace. The same `event_id` adds one event.',
  body: z.looseObject({
    event_type: z.string().min(1).max(100),
    event_id: z
      .string()
      .regex(/^[A-Za-z0-9._:-]{1,128}$/, 'must be an id')
      .optional(),
  }),
  maxBodyBytes: 16 * 1024,
  reply: z.object({ ok, event }),
  errors: ['not_found', 'limit_reached'],
  idempotent: true,
  capability: 'workspaces',
});
