/**
 * The tables: the types of their rows and the lists of their columns. `idea-schema.ts` has the tables of ideas and
 * workspaces. The migrations define the database, including what this file does not express (WITHOUT ROWID, CHECKs,
 * partial indexes). A test compares the columns of both.
 */

import type { Scope, TokenKind } from '../../spec/access.ts';
import type { UserId } from '../../spec/ids.ts';
import type {
  FailureKind,
  JobKind,
  LeaseLossPolicy,
  SessionFallback,
  UsageLimitPolicy,
} from '../../spec/job/kinds.ts';
import type { FallbackReason, SessionSource } from '../../spec/job/routing.ts';
import type { JobStatus } from '../../spec/job/status.ts';
import type { BulkAction } from '../../spec/overview/bulk.ts';
import { integer, ownerId, type RowOf, Table, text } from './table.ts';

export const users = new Table('users', {
  id: text<UserId>('id').primaryKey(),
  email: text('email').notNull(),
  name: text('name').notNull(),
  role: text<'member' | 'operator'>('role').notNull(),
  passwordHash: text('password_hash').notNull(),
  createdAt: integer('created_at').notNull(),
  /** If set, the account is disabled: it cannot sign in, and its tokens are invalid. */
  disabledAt: integer('disabled_at'),
});

export const deviceTokens = new Table('device_tokens', {
  hash: text('hash').primaryKey(),
  userId: ownerId(),
  deviceName: text('device_name').notNull(),
  createdAt: integer('created_at').notNull(),
  revokedAt: integer('revoked_at'),
  usedAt: integer('used_at'),
  kind: text<TokenKind>('kind').notNull(),
  scope: text<Scope>('scope').notNull(),
  /** When a token of the kind `token` expires. */
  expiresAt: integer('expires_at'),
});

export const signInCodes = new Table('sign_in_codes', {
  email: text('email').primaryKey(),
  codeHash: text('code_hash').notNull(),
  expiresAt: integer('expires_at').notNull(),
  tries: integer('tries').notNull(),
});

export const signInFailures = new Table('sign_in_failures', {
  subject: text('subject').primaryKey(),
  windowStartedAt: integer('window_started_at').notNull(),
  failures: integer('failures').notNull(),
});

export const machines = new Table('machines', {
  id: text('id').primaryKey(),
  userId: ownerId(),
  name: text('name').notNull(),
  platform: text('platform').notNull(),
  appVersion: text('app_version').notNull(),
  firstSeenAt: integer('first_seen_at').notNull(),
  lastSeenAt: integer('last_seen_at').notNull(),
  lastSyncAt: integer('last_sync_at'),
  listeningTransport: text<'ws' | 'sse'>('listening_transport'),
  listeningSince: integer('listening_since'),
  listeningInstance: text('listening_instance'),
  draining: integer('draining').notNull(),
  staleAt: integer('stale_at'),
  /** When cron next visits the machine's object. */
  visitAt: integer('visit_at').notNull(),
  /** JSON of a `MachineCondition`. */
  condition: text('condition'),
  /** JSON of the `RunnerAbilities` that the runner last announced. NULL means the abilities of v0.4.4. */
  abilities: text('abilities'),
  /** JSON of the `MachineReport` that its runner last sent. */
  report: text('report'),
});

export const linkedProjects = new Table(
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
  ['userId', 'machineId', 'projectRoot', 'ideaId'],
);

/** The sessions of a repository, once per machine. */
export const linkedSessions = new Table(
  'linked_sessions',
  {
    userId: ownerId(),
    machineId: text('machine_id').notNull(),
    projectRoot: text('project_root').notNull(),
    syncedAt: integer('synced_at').notNull(),
    /** JSON array of synced sessions, in list order. */
    sessions: text('sessions').notNull(),
  },
  ['userId', 'machineId', 'projectRoot'],
);

/** The usage of each account. Triggers update it. */
export const accountUsage = new Table('account_usage', {
  userId: text<UserId>('user_id').primaryKey(),
  ideas: integer('ideas').notNull(),
  features: integer('features').notNull(),
  storedBytes: integer('stored_bytes').notNull(),
  /** An estimate from a sample: each job whose id ends with 0 counts as 32 jobs. */
  keptJobs: integer('kept_jobs').notNull(),
  /** An upper estimate of the number of jobs that have not ended. When it gets high, cron counts the jobs again. */
  liveJobs: integer('live_jobs').notNull(),
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
  sessionSource: text<SessionSource>('session_source'),
  fallbackReason: text<FallbackReason>('fallback_reason'),
  claimedAt: integer('claimed_at'),
  startedAt: integer('started_at'),
  finishedAt: integer('finished_at'),
  failureKind: text<FailureKind>('failure_kind'),
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

export const jobs = new Table(
  'jobs',
  {
    userId: ownerId(),
    id: text('id').notNull(),
    kind: text<JobKind>('kind').notNull(),
    status: text<JobStatus>('status').notNull(),
    createdAt: integer('created_at').notNull(),
    createdBy: text('created_by'),
    /** The address and the program that queued the job. */
    source: text('source'),
    updatedAt: integer('updated_at').notNull(),
    priority: integer('priority').notNull(),
    availableAt: integer('available_at').notNull(),
    expiresAt: integer('expires_at').notNull(),
    onLeaseLoss: text<LeaseLossPolicy>('on_lease_loss').notNull(),
    onUsageLimit: text<UsageLimitPolicy>('on_usage_limit').notNull(),
    /** How often the job was returned because of a usage limit since a person last queued or retried it. */
    usageWaits: integer('usage_waits').notNull(),
    maxAttempts: integer('max_attempts').notNull(),
    timeoutSeconds: integer('timeout_seconds'),
    sessionFallback: text<SessionFallback>('session_fallback').notNull(),
    idempotencyKey: text('idempotency_key'),
    requestHash: text('request_hash'),
    ideaId: text('idea_id'),
    worldId: text('world_id'),
    checkpointId: text('checkpoint_id'),
    targetMachineId: text('target_machine_id'),
    targetProjectRoot: text('target_project_root'),
    targetOrpSessionId: text('target_orp_session_id'),
    targetCodexSessionId: text('target_codex_session_id'),
    attempt: integer('attempt').notNull(),
    attemptsUsed: integer('attempts_used').notNull(),
    leaseCount: integer('lease_count').notNull(),
    /** 1 until the job is due and a poll has moved it to its lane (`lanes.ts`). */
    delayed: integer('delayed').notNull(),
    ...tryFields(),
    ...latestTryFields(),
    prompt: text('prompt').notNull(),
  },
  ['userId', 'id'],
);

/** How an archived attempt ended. */
export type AttemptOutcome = 'completed' | 'failed' | 'cancelled' | 'released' | 'lost' | 'revoked';

export const attempts = new Table(
  'attempts',
  {
    userId: ownerId(),
    jobId: text('job_id').notNull(),
    leaseCount: integer('lease_count').notNull(),
    attempt: integer('attempt').notNull(),
    outcome: text<AttemptOutcome>('outcome').notNull(),
    ...tryFields(),
  },
  ['userId', 'jobId', 'leaseCount'],
);

type TryField = keyof ReturnType<typeof tryFields>;
export type AttemptField = TryField | keyof ReturnType<typeof latestTryFields>;

/** The columns of a job that belong to its latest attempt. They are cleared for a new attempt. */
export const ATTEMPT_COLUMNS = { archived: namesOf(tryFields()), latestOnly: namesOf(latestTryFields()) };

function namesOf<Field extends keyof RowOf<typeof jobs>>(fields: Record<Field, unknown>) {
  return Object.keys(fields).map((field) => ({
    field: field as Field,
    name: jobs.columns[field as Field].name,
  }));
}

export const auditLog = new Table(
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
  ['userId', 'subject', 'at', 'action', 'actor'],
);

/** Orders of operators over many jobs. */
export const bulkRuns = new Table('bulk_runs', {
  name: text('name').primaryKey(),
  action: text<BulkAction>('action').notNull(),
  /** JSON of a `BulkFilter`. */
  filter: text('filter').notNull(),
  reason: text('reason'),
  seenCount: integer('seen_count').notNull(),
  createdBy: text<UserId>('created_by').notNull(),
  source: text('source').notNull(),
  createdAt: integer('created_at').notNull(),
  updatedAt: integer('updated_at').notNull(),
  finishedAt: integer('finished_at'),
  abortedBy: text('aborted_by'),
  done: integer('done').notNull(),
  skipped: integer('skipped').notNull(),
  steps: integer('steps').notNull(),
  positionUser: text('position_user').notNull(),
  positionJob: text('position_job').notNull(),
});

/** One row for each minute of the last 8 days. New rows overwrite the oldest rows. */
export const minuteStats = new Table('minute_stats', {
  slot: integer('slot').primaryKey(),
  at: integer('at').notNull(),
  /** JSON of the `Stats` of the minute. The next two columns have the `Stats` of the quarter and hour that end with it. */
  minute: text('minute').notNull(),
  quarter: text('quarter'),
  hour: text('hour'),
});

export type LinkPurpose = 'setup' | 'invitation' | 'password';

/** Links that work once. */
export const oneTimeLinks = new Table('one_time_links', {
  hash: text('hash').primaryKey(),
  purpose: text<LinkPurpose>('purpose').notNull(),
  role: text<'member' | 'operator'>('role'),
  email: text('email'),
  userId: text<UserId>('user_id'),
  createdBy: text<UserId>('created_by'),
  createdAt: integer('created_at').notNull(),
  expiresAt: integer('expires_at').notNull(),
  usedAt: integer('used_at'),
  usedBy: text('used_by'),
  revokedAt: integer('revoked_at'),
});

/** Terminals that ask to be signed in. */
export const deviceRequests = new Table('device_requests', {
  hash: text('hash').primaryKey(),
  userCode: text('user_code').notNull(),
  deviceName: text('device_name').notNull(),
  network: text('network').notNull(),
  source: text('source').notNull(),
  createdAt: integer('created_at').notNull(),
  expiresAt: integer('expires_at').notNull(),
  intervalMs: integer('interval_ms').notNull(),
  polledAt: integer('polled_at'),
  decision: text<'approved' | 'denied'>('decision'),
  userId: text<UserId>('user_id'),
});
