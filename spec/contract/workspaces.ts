/**
 * Workspaces of later clients: which terminals a person has open, with their repositories and sessions, and a timeline.
 * The clients read each field in snake_case or camelCase. The server writes camelCase, and keeps every key of a state and of
 * an event, because the clients push more keys than they document.
 */

import * as z from 'zod/mini';
import { absentable, endpoint, line, ok, queryInteger } from './endpoint.ts';

const linkedIdea = z.object({
  ideaId: z.string().check(z.minLength(1), z.maxLength(128)),
  relationship: z._default(z.string().check(z.minLength(1), z.maxLength(64)), 'primary'),
});

const workspaceBody = z.object({
  title: z.optional(line),
  description: z.nullish(z.string().check(z.maxLength(4096))),
  visibility: z.optional(z.string().check(z.maxLength(64))),
  /** Null removes the link. */
  linkedIdea: z.nullish(linkedIdea),
});

/** An event as the client sent it, with an id and a time. */
const event = z.looseObject({ id: z.string(), createdAt: z.string() });

const summary = z.object({
  id: z.string(),
  title: z.string(),
  description: absentable,
  visibility: z.string(),
  linkedIdea: z.optional(z.object({ ideaId: z.string(), title: absentable, relationship: z.string() })),
  createdAt: z.string(),
  /** Send it back with a change. */
  updatedAt: z.string(),
  /** The server counts the pushed states. 0 if none was pushed. */
  stateVersion: z.int(),
  stateUpdatedAt: z.string(),
  tabCount: z.int(),
});

/** The state as the client pushed it. */
const workspace = z.extend(summary, {
  state: z.looseObject({ tabs: z.array(z.record(z.string(), z.unknown())) }),
});
/** Answers to writes are wrapped and flat, as for ideas. */
const written = z.extend(workspace, { ok, workspace });

export const listWorkspaces = endpoint({
  name: 'listWorkspaces',
  method: 'GET',
  path: '/api/cli/workspaces',
  summary: 'List your workspaces, newest first, one page at a time.',
  query: z.object({
    limit: queryInteger(1, 200, 25),
    /** The `nextCursor` of the previous page: the id of its last workspace. */
    cursor: z.optional(z.string().check(z.regex(/^[A-Za-z0-9_]{1,64}$/, 'was not issued by this list'))),
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
  body: z.extend(workspaceBody, { title: line.check(z.trim(), z.minLength(1)) }),
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
  body: z.extend(workspaceBody, { updatedAt: z.optional(z.string().check(z.maxLength(64))) }),
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
  body: z.looseObject({
    tabs: z._default(z.array(z.record(z.string(), z.unknown())).check(z.maxLength(1000)), []),
  }),
  maxBodyBytes: STATE_BYTES,
  reply: z.object({ ok, stateVersion: z.int() }),
  errors: ['not_found', 'limit_reached'],
  idempotent: false,
  capability: 'workspaces',
});

const eventId = z.optional(z.string().check(z.regex(/^[A-Za-z0-9._:-]{1,128}$/, 'must be an id')));

export const addEvent = endpoint({
  name: 'addEvent',
  method: 'POST',
  path: '/api/cli/workspaces/:workspaceId/events',
  summary: 'Add an event to the timeline of a workspace. The same id adds one event.',
  body: z.looseObject({ id: eventId, eventId, event_id: eventId }),
  maxBodyBytes: 16 * 1024,
  reply: z.object({ ok, event }),
  errors: ['not_found', 'limit_reached'],
  idempotent: true,
  capability: 'workspaces',
});
