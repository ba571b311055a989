/** The tables of ideas with everything that hangs on them, and of workspaces. */

import { integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { ownerId } from './schema.ts';

export const ideas = sqliteTable(
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
  (table) => [primaryKey({ columns: [table.userId, table.id] })],
);

export const features = sqliteTable(
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
  (table) => [primaryKey({ columns: [table.userId, table.id] })],
);

export const worlds = sqliteTable(
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
  (table) => [primaryKey({ columns: [table.userId, table.ideaId] })],
);

export const checkpoints = sqliteTable(
  'checkpoints',
  {
    userId: ownerId(),
    id: text('id').notNull(),
    ideaId: text('idea_id').notNull(),
    worldId: text('world_id'),
    jobId: text('job_id').notNull(),
    triggerType: text('trigger_type').notNull(),
    status: text('status', { enum: ['queued', 'completed', 'failed', 'cancelled'] }).notNull(),
    createdAt: integer('created_at').notNull(),
    respondedAt: integer('responded_at'),
    responseId: text('response_id'),
    summary: text('summary'),
    error: text('error'),
    context: text('context').notNull(),
    structuredOutput: text('structured_output'),
    body: text('body'),
  },
  (table) => [primaryKey({ columns: [table.userId, table.id] })],
);

export const workspaces = sqliteTable(
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
  (table) => [primaryKey({ columns: [table.userId, table.id] })],
);

export const workspaceEvents = sqliteTable(
  'workspace_events',
  {
    userId: ownerId(),
    workspaceId: text('workspace_id').notNull(),
    id: text('id').notNull(),
    at: integer('at').notNull(),
    /** JSON object. */
    event: text('event').notNull(),
  },
  (table) => [primaryKey({ columns: [table.userId, table.workspaceId, table.id] })],
);
