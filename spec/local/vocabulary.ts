/**
 * The words and numbers of the local records. They are separate from the schemas, so that a command that only reads a
 * record does not load a schema library.
 */

/** Version of the records' shape, not of the client. */
export const SCHEMA_VERSION = '1.0.0';

/** Where a project or session record came from. */
export const LINK_SOURCES = ['cli', 'rust-app', 'import-rust'] as const;

/** The states of a session. A closed session is not in use. */
export const SESSION_STATES = ['active', 'closed'] as const;
export type SessionState = (typeof SESSION_STATES)[number];

/** What a session is used for. People choose it, and it has no effect on routing. */
export const SESSION_ROLES = ['primary', 'secondary', 'review', 'exploration', 'other'] as const;
export type SessionRole = (typeof SESSION_ROLES)[number];

/** What the runner does in a repository. */
export const RUNTIME_STATUSES = ['idle', 'claimed', 'running'] as const;
export type RuntimeStatus = (typeof RUNTIME_STATUSES)[number];

/** How a job can end in the runtime. */
const FINISH_STATUSES = ['completed', 'failed', 'cancelled', 'retried'] as const;
export type FinishStatus = (typeof FINISH_STATUSES)[number];

/** The number of events that the runtime keeps. Older events are removed. */
export const RECENT_EVENTS_KEPT = 25;

/** An active job without a heartbeat for this long is stale: the length of a lease. */
export const STALE_LEASE_SECONDS = 120;

/** Texts of a job in the runtime, in the order in which they are written. */
export const RUNTIME_JOB_TEXTS = [
  'job_id',
  'job_kind',
  'lease_id',
  'checkpoint_id',
  'idea_id',
  'world_id',
  'project_root',
  'repo_root',
  'orp_session_id',
  'codex_session_id',
  'status',
  'summary',
  'error',
] as const;

/** The timestamps of a job in the runtime. They come after the texts. */
export const RUNTIME_JOB_TIMES = [
  'claimed_at_utc',
  'started_at_utc',
  'last_heartbeat_at_utc',
  'lease_expires_at_utc',
  'finished_at_utc',
] as const;

/** Texts of an event in the runtime, in the order in which they are written. */
export const RUNTIME_EVENT_TEXTS = ['timestamp_utc', 'status', 'job_id', 'lease_id', 'message'] as const;
