/**
 * The tables: the types of their rows and the lists of their columns. `idea-schema.ts` has the tables of ideas and
 * workspaces. The migrations define the database, including parts that drizzle cannot express (WITHOUT ROWID, CHECKs,
 * partial indexes). A test compares the columns of both.
 */

import { integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { SCOPES, TOKEN_KINDS } from '../../spec/access.ts';
import type { UserId } from '../../spec/ids.ts';
import {
  FAILURE_KINDS,
  JOB_KINDS,
  LEASE_LOSS_POLICIES,
  SESSION_FALLBACKS,
  USAGE_LIMIT_POLICIES,
} from '../../spec/job/kinds.ts';
import { FALLBACK_REASONS, SESSION_SOURCES } from '../../spec/job/routing.ts';
import { JOB_STATUSES } from '../../spec/job/status.ts';
import { BULK_ACTIONS } from '../../spec/overview/bulk.ts';

/** The account of a row. */
export const ownerId = () => text('user_id').$type<UserId>().notNull();

export const users = sqliteTable('users', {
  id: text('id').$type<UserId>().primaryKey(),
  email: text('email').notNull().unique('users_email'),
  name: text('name').notNull(),
  role: text('role', { enum: ['member', 'operator'] }).notNull(),
  passwordHash: text('password_hash').notNull(),
  createdAt: integer('created_at').notNull(),
  /** If set, the account is disabled: it cannot sign in, and its tokens are invalid. */
  disabledAt: integer('disabled_at'),
});

export const deviceTokens = sqliteTable('device_tokens', {
  hash: text('hash').primaryKey(),
  userId: ownerId(),
  deviceName: text('device_name').notNull(),
  createdAt: integer('created_at').notNull(),
  revokedAt: integer('revoked_at'),
  usedAt: integer('used_at'),
  kind: text('kind', { enum: TOKEN_KINDS }).notNull().default('cli'),
  scope: text('scope', { enum: SCOPES }).notNull().default('owner'),
  /** When a token of the kind `token` expires. */
  expiresAt: integer('expires_at'),
});

export const signInCodes = sqliteTable('sign_in_codes', {
  email: text('email').primaryKey(),
  codeHash: text('code_hash').notNull(),
  expiresAt: integer('expires_at').notNull(),
  tries: integer('tries').notNull(),
});

export const signInFailures = sqliteTable('sign_in_failures', {
  subject: text('subject').primaryKey(),
  windowStartedAt: integer('window_started_at').notNull(),
  failures: integer('failures').notNull(),
});

export const machines = sqliteTable('machines', {
  id: text('id').primaryKey(),
  userId: ownerId(),
  name: text('name').notNull(),
  platform: text('platform').notNull(),
  appVersion: text('app_version').notNull(),
  firstSeenAt: integer('first_seen_at').notNull(),
  lastSeenAt: integer('last_seen_at').notNull(),
  lastSyncAt: integer('last_sync_at'),
  listeningTransport: text('listening_transport', { enum: ['ws', 'sse'] }),
  listeningSince: integer('listening_since'),
  listeningInstance: text('listening_instance'),
  draining: integer('draining').notNull().default(0),
  staleAt: integer('stale_at'),
  /** When cron next visits the machine's object. */
  visitAt: integer('visit_at').notNull().default(0),
  /** JSON of a `MachineCondition`. */
  condition: text('condition'),
  /** JSON of the `RunnerAbilities` that the runner last announced. NULL means the abilities of v0.4.4. */
  abilities: text('abilities'),
  /** JSON of the `MachineReport` that its runner last sent. */
  report: text('report'),
});

export const linkedProjects = sqliteTable(
  'linked_projects',
  {
    userId: ownerId(),
    machineId: text('machine_id').notNull(),
    projectRoot: text('project_root').notNull(),
    ideaId: text('idea_id').notNull(),
    ideaTitle: text('idea_title'),
    worldId: text('world_id'),
    worldName: text('world_name'),
    projectName: text('project_name'),
    githubUrl: text('github_url'),
    syncedAt: integer('synced_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.userId, table.machineId, table.projectRoot, table.ideaId] })],
);

/** The sessions of a repository, once per machine. */
export const linkedSessions = sqliteTable(
  'linked_sessions',
  {
    userId: ownerId(),
    machineId: text('machine_id').notNull(),
    projectRoot: text('project_root').notNull(),
    syncedAt: integer('synced_at').notNull(),
    /** JSON array of synced sessions, in list order. */
    sessions: text('sessions').notNull(),
  },
  (table) => [primaryKey({ columns: [table.userId, table.machineId, table.projectRoot] })],
);

/** The usage of each account. Triggers update it. */
export const accountUsage = sqliteTable('account_usage', {
  userId: text('user_id').$type<UserId>().primaryKey(),
  ideas: integer('ideas').notNull().default(0),
  features: integer('features').notNull().default(0),
  storedBytes: integer('stored_bytes').notNull().default(0),
  /** An estimate from a sample: each job whose id ends with 0 counts as 32 jobs. */
  keptJobs: integer('kept_jobs').notNull().default(0),
  /** At least about the number of jobs that have not ended. Cron counts again where it gets high. */
  liveJobs: integer('live_jobs').notNull().default(0),
  /** Limits that an operator granted, as JSON. */
  limits: text('limits'),
});

/** The fields of one attempt. The latest attempt is in the job row; earlier attempts are in the archive. */
const tryFields = () => ({
  machineId: text('machine_id'),
  instance: text('instance'),
  leaseId: text('lease_id'),
  projectRoot: text('project_root'),
  orpSessionId: text('orp_session_id'),
  codexSessionId: text('codex_session_id'),
  sessionSource: text('session_source', { enum: SESSION_SOURCES }),
  fallbackReason: text('fallback_reason', { enum: FALLBACK_REASONS }),
  claimedAt: integer('claimed_at'),
  startedAt: integer('started_at'),
  finishedAt: integer('finished_at'),
  failureKind: text('failure_kind', { enum: FAILURE_KINDS }),
  error: text('error'),
  summary: text('summary'),
  content: text('content'),
});

/** The fields of the latest attempt that the archive does not have. */
const latestTryFields = () => ({
  claimId: text('claim_id'),
  leaseExpiresAt: integer('lease_expires_at'),
  cancelledBy: text('cancelled_by'),
  cancelReason: text('cancel_reason'),
  cancelConfirmedAt: integer('cancel_confirmed_at'),
  stopReceipt: text('stop_receipt'),
  askingSince: integer('asking_since'),
});

export const jobs = sqliteTable(
  'jobs',
  {
    userId: ownerId(),
    id: text('id').notNull(),
    kind: text('kind', { enum: JOB_KINDS }).notNull(),
    status: text('status', { enum: JOB_STATUSES }).notNull(),
    createdAt: integer('created_at').notNull(),
    createdBy: text('created_by'),
    /** The address and the program that queued the job. */
    source: text('source'),
    updatedAt: integer('updated_at').notNull(),
    priority: integer('priority').notNull().default(0),
    availableAt: integer('available_at').notNull(),
    expiresAt: integer('expires_at').notNull(),
    onLeaseLoss: text('on_lease_loss', { enum: LEASE_LOSS_POLICIES }).notNull(),
    onUsageLimit: text('on_usage_limit', { enum: USAGE_LIMIT_POLICIES }).notNull().default('wait'),
    /** How often the job was returned because of a usage limit since a person last queued or retried it. */
    usageWaits: integer('usage_waits').notNull().default(0),
    maxAttempts: integer('max_attempts').notNull(),
    timeoutSeconds: integer('timeout_seconds'),
    sessionFallback: text('session_fallback', { enum: SESSION_FALLBACKS }).notNull(),
    idempotencyKey: text('idempotency_key'),
    requestHash: text('request_hash'),
    ideaId: text('idea_id'),
    worldId: text('world_id'),
    checkpointId: text('checkpoint_id'),
    targetMachineId: text('target_machine_id'),
    targetProjectRoot: text('target_project_root'),
    targetOrpSessionId: text('target_orp_session_id'),
    targetCodexSessionId: text('target_codex_session_id'),
    attempt: integer('attempt').notNull().default(0),
    attemptsUsed: integer('attempts_used').notNull().default(0),
    leaseCount: integer('lease_count').notNull().default(0),
    /** 1 until the job is due and a poll has moved it to its lane (`lanes.ts`). */
    delayed: integer('delayed').notNull().default(0),
    ...tryFields(),
    ...latestTryFields(),
    prompt: text('prompt').notNull(),
  },
  (table) => [primaryKey({ columns: [table.userId, table.id] })],
);

/** How an archived attempt ended. */
export const ARCHIVED_OUTCOMES = ['completed', 'failed', 'cancelled', 'released', 'lost', 'revoked'] as const;
export type AttemptOutcome = (typeof ARCHIVED_OUTCOMES)[number];

export const attempts = sqliteTable(
  'attempts',
  {
    userId: ownerId(),
    jobId: text('job_id').notNull(),
    leaseCount: integer('lease_count').notNull(),
    attempt: integer('attempt').notNull(),
    outcome: text('outcome', { enum: ARCHIVED_OUTCOMES }).notNull(),
    ...tryFields(),
  },
  (table) => [primaryKey({ columns: [table.userId, table.jobId, table.leaseCount] })],
);

type TryField = keyof ReturnType<typeof tryFields>;
export type AttemptField = TryField | keyof ReturnType<typeof latestTryFields>;

/** The columns of a job that belong to its latest attempt. They are cleared for a new attempt. */
export const ATTEMPT_COLUMNS = { archived: namesOf(tryFields()), latestOnly: namesOf(latestTryFields()) };

function namesOf<Field extends keyof typeof jobs.$inferSelect>(fields: Record<Field, unknown>) {
  return Object.keys(fields).map((field) => ({ field: field as Field, name: jobs[field as Field].name }));
}

export const auditLog = sqliteTable(
  'audit_log',
  {
    userId: ownerId(),
    subject: text('subject').notNull(),
    at: integer('at').notNull(),
    action: text('action').notNull(),
    actor: text('actor').notNull(),
    source: text('source').notNull(),
    detail: text('detail'),
  },
  (table) => [primaryKey({ columns: [table.userId, table.subject, table.at, table.action, table.actor] })],
);

/** Orders of operators over many jobs. */
export const bulkRuns = sqliteTable('bulk_runs', {
  name: text('name').primaryKey(),
  action: text('action', { enum: BULK_ACTIONS }).notNull(),
  /** JSON of a `BulkFilter`. */
  filter: text('filter').notNull(),
  reason: text('reason'),
  seenCount: integer('seen_count').notNull(),
  createdBy: text('created_by').$type<UserId>().notNull(),
  source: text('source').notNull(),
  createdAt: integer('created_at').notNull(),
  updatedAt: integer('updated_at').notNull(),
  finishedAt: integer('finished_at'),
  abortedBy: text('aborted_by'),
  done: integer('done').notNull().default(0),
  skipped: integer('skipped').notNull().default(0),
  steps: integer('steps').notNull().default(0),
  positionUser: text('position_user').notNull().default(''),
  positionJob: text('position_job').notNull().default(''),
});

/** One row for each minute of the last 8 days. New rows overwrite the oldest rows. */
export const minuteStats = sqliteTable('minute_stats', {
  slot: integer('slot').primaryKey(),
  at: integer('at').notNull(),
  /** JSON of the `Stats` of the minute. The next two columns have the `Stats` of the quarter and hour that end with it. */
  minute: text('minute').notNull(),
  quarter: text('quarter'),
  hour: text('hour'),
});

export const LINK_PURPOSES = ['setup', 'invitation', 'password'] as const;
export type LinkPurpose = (typeof LINK_PURPOSES)[number];

/** Links that work once. */
export const oneTimeLinks = sqliteTable('one_time_links', {
  hash: text('hash').primaryKey(),
  purpose: text('purpose', { enum: LINK_PURPOSES }).notNull(),
  role: text('role', { enum: ['member', 'operator'] }),
  email: text('email'),
  userId: text('user_id').$type<UserId>(),
  createdBy: text('created_by').$type<UserId>(),
  createdAt: integer('created_at').notNull(),
  expiresAt: integer('expires_at').notNull(),
  usedAt: integer('used_at'),
  usedBy: text('used_by'),
  revokedAt: integer('revoked_at'),
});

/** Terminals that ask to be signed in. */
export const deviceRequests = sqliteTable('device_requests', {
  hash: text('hash').primaryKey(),
  userCode: text('user_code').notNull(),
  deviceName: text('device_name').notNull(),
  network: text('network').notNull(),
  source: text('source').notNull(),
  createdAt: integer('created_at').notNull(),
  expiresAt: integer('expires_at').notNull(),
  intervalMs: integer('interval_ms').notNull(),
  polledAt: integer('polled_at'),
  decision: text('decision', { enum: ['approved', 'denied'] }),
  userId: text('user_id').$type<UserId>(),
});
