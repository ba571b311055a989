/** The closed sets of a job: its kinds, policies and reasons to fail, with the defaults and limits. */

export const JOB_KINDS = ['session.prompt', 'idea.checkpoint'] as const;
export type JobKind = (typeof JOB_KINDS)[number];

/** What happens to a started job when its lease is lost. */
export const LEASE_LOSS_POLICIES = ['requeue', 'hold'] as const;
export type LeaseLossPolicy = (typeof LEASE_LOSS_POLICIES)[number];

/** Which session may take a job when the one that it names cannot. */
export const SESSION_FALLBACKS = ['primary', 'none'] as const;
export type SessionFallback = (typeof SESSION_FALLBACKS)[number];

export const FAILURE_KINDS = [
  /** The agent ended with an error, or without an answer. */
  'agent_error',
  /** The agent does not know the session that it was asked to work in; no other session was used. */
  'session_missing',
  /** The agent's account reached its usage limit after the job had an effect, so the job could not be returned. */
  'usage_limited',
  /** As `usage_limited`: the agent is signed out. */
  'signed_out',
  /** As `usage_limited`: the model behind the agent is overloaded, or cannot be reached. */
  'overloaded',
  /** As `usage_limited`: the agent's program is missing, broken, or refuses its configuration. */
  'agent_unavailable',
  /** The agent reached a time limit. */
  'agent_timeout',
  /** No linked repository on the machine matches. */
  'no_repository',
  /** The repository has no session that can take it. */
  'no_session',
  /** The runner does not know this kind of job. */
  'unsupported_kind',
  /** A rule of the machine's owner forbids it. */
  'policy_denied',
  /** Every automatic attempt was used up by lost leases. */
  'attempts_exhausted',
  /** It waited past its expiry. */
  'expired',
] as const;
export type FailureKind = (typeof FAILURE_KINDS)[number];

const DAY_MS = 24 * 60 * 60 * 1000;

/** A review only reads, so it may run twice; a prompt changes a repository, so it may not. */
export const DEFAULT_LEASE_LOSS = {
  'idea.checkpoint': 'requeue',
  'session.prompt': 'hold',
} as const satisfies Record<JobKind, LeaseLossPolicy>;

/** Automatic attempts before a job fails as `attempts_exhausted`; a retry by a person resets the count. */
export const DEFAULT_MAX_ATTEMPTS = 3;
export const MAX_ATTEMPTS_LIMIT = 20;

/** A queued job expires after a week unless its sender says otherwise; never later than 90 days. */
export const DEFAULT_EXPIRY_MS = 7 * DAY_MS;
export const MAX_EXPIRY_MS = 90 * DAY_MS;

/** How long the same Idempotency-Key returns the same job. */
export const IDEMPOTENCY_MS = 30 * DAY_MS;

export const MIN_PRIORITY = -100;
export const MAX_PRIORITY = 100;

/** The longest time limit that a sender may set. */
export const MAX_TIMEOUT_SECONDS = 24 * 60 * 60;

/** Bytes (UTF-8) of a prompt, an answer, and one upload of the transcript. Larger ones are refused with 413. */
export const MAX_PROMPT_BYTES = 256 * 1024;
export const MAX_RESULT_BYTES = 1024 * 1024;
export const MAX_CHUNK_BYTES = 256 * 1024;

/** Characters of a summary, as the v0.4.4 client cuts it. */
export const SUMMARY_LENGTH = 280;
