/** The tables of ideas and their features, worlds and reviews, and the tables of workspaces. */

import { integer, ownerId, Table, text } from './table.ts';

export const ideas = new Table(
  'ideas',
  {
    userId: ownerId(),
    id: text('id').notNull(),
    title: text('title').notNull(),
    githubUrl: text('github_url'),
    linkLabel: text('link_label'),
    visibility: text('visibility').notNull(),
    createdAt: integer('created_at').notNull(),
    updatedAt: integer('updated_at').notNull(),
    deletedAt: integer('deleted_at'),
    notes: text('notes').notNull(),
  },
  ['userId', 'id'],
);

export const features = new Table(
  'features',
  {
    userId: ownerId(),
    id: text('id').notNull(),
    ideaId: text('idea_id').notNull(),
    title: text('title').notNull(),
    notes: text('notes'),
    starred: integer('starred').notNull(),
    superStarred: integer('super_starred').notNull(),
    completed: integer('completed').notNull(),
    visibility: text('visibility'),
    createdAt: integer('created_at').notNull(),
    updatedAt: integer('updated_at').notNull(),
    /** JSON array of `{id, label, body}`. */
    details: text('details').notNull(),
  },
  ['userId', 'id'],
);

export const worlds = new Table(
  'worlds',
  {
    userId: ownerId(),
    ideaId: text('idea_id').notNull(),
    id: text('id').notNull(),
    name: text('name').notNull(),
    projectRoot: text('project_root'),
    githubUrl: text('github_url'),
    codexSessionId: text('codex_session_id'),
    status: text('status').notNull(),
    updatedAt: integer('updated_at').notNull(),
  },
  ['userId', 'ideaId'],
);

export const checkpoints = new Table(
  'checkpoints',
  {
    userId: ownerId(),
    id: text('id').notNull(),
    ideaId: text('idea_id').notNull(),
    worldId: text('world_id'),
    jobId: text('job_id').notNull(),
    triggerType: text('trigger_type').notNull(),
    status: text<'queued' | 'completed' | 'failed' | 'cancelled'>('status').notNull(),
    createdAt: integer('created_at').notNull(),
    respondedAt: integer('responded_at'),
    responseId: text('response_id'),
    summary: text('summary'),
    error: text('error'),
    context: text('context').notNull(),
    structuredOutput: text('structured_output'),
    body: text('body'),
  },
  ['userId', 'id'],
);

export const workspaces = new Table(
  'workspaces',
  {
    userId: ownerId(),
    id: text('id').notNull(),
    title: text('title').notNull(),
    description: text('description'),
    visibility: text('visibility').notNull(),
    ideaId: text('idea_id'),
    relationship: text('relationship'),
    createdAt: integer('created_at').notNull(),
    updatedAt: integer('updated_at').notNull(),
    stateVersion: integer('state_version').notNull(),
    snapshotId: text('snapshot_id').notNull(),
    stateAt: integer('state_at').notNull(),
    tabCount: integer('tab_count').notNull(),
    /** JSON object as the client pushed it. */
    state: text('state').notNull(),
  },
  ['userId', 'id'],
);

export const workspaceEvents = new Table(
  'workspace_events',
  {
    userId: ownerId(),
    workspaceId: text('workspace_id').notNull(),
    id: text('id').notNull(),
    at: integer('at').notNull(),
    /** JSON object. */
    event: text('event').notNull(),
  },
  ['userId', 'workspaceId', 'id'],
);
