/** The table of job kinds. Also the policies, failure kinds, defaults and limits of jobs. */

/** What happens to a started job when its lease is lost. */
export const LEASE_LOSS_POLICIES = ['requeue', 'hold'] as const;
export type LeaseLossPolicy = (typeof LEASE_LOSS_POLICIES)[number];

/**
 * What the server writes when a job completes. For `answer`, it writes the result of the job. For `review`, it also writes
 * the response of the checkpoint.
 */
export type Completion = 'answer' | 'review';

/**
 * How the server summarizes an answer in one line. `first_line` takes the first non-blank line. `sections` uses the sections
 * of a review.
 */
export type SummaryRule = 'first_line' | 'sections';

/** Everything that depends on the kind of a job. A new kind is a new row here (docs/extending.md). */
export interface KindRules {
  /** The word for such a job in messages. */
  noun: string;
  /** The default policy. A job that only reads may run twice; a job that changes a repository may not. */
  onLeaseLoss: LeaseLossPolicy;
  /** Who writes the prompt and chooses the target. Lists show the start of a prompt only if the sender wrote it. */
  composedBy: 'sender' | 'server';
  completion: Completion;
  summary: SummaryRule;
}

export const KINDS = {
  'session.prompt': {
    noun: 'prompt',
    onLeaseLoss: 'hold',
    composedBy: 'sender',
    completion: 'answer',
    summary: 'first_line',
  },
  'idea.checkpoint': {
    noun: 'review',
    onLeaseLoss: 'requeue',
    composedBy: 'server',
    completion: 'review',
    summary: 'sections',
  },
} as const satisfies Record<string, KindRules>;
export type JobKind = keyof typeof KINDS;

export const JOB_KINDS = Object.keys(KINDS) as [JobKind, ...JobKind[]];

/** All kinds of the table. A runner of this version announces them. */
export function knownKinds(): JobKind[] {
  return kindsWhere(() => true);
}

/** The kinds that v0.4.4 can run. A runner that announces no kinds gets only these. */
export const PUBLISHED_KINDS = ['session.prompt', 'idea.checkpoint'] as const satisfies readonly JobKind[];

/** Returns the rules of a kind, or undefined if this version does not know the kind. */
export function rulesOf(kind: string): KindRules | undefined {
  const table: Record<string, KindRules> = KINDS;
  return Object.hasOwn(table, kind) ? table[kind] : undefined;
}

export function isJobKind(kind: unknown): kind is JobKind {
  return typeof kind === 'string' && rulesOf(kind) !== undefined;
}

/** Returns the kinds whose rules match the condition. */
export function kindsWhere(says: (rules: KindRules) => boolean): JobKind[] {
  return (Object.entries(KINDS) as [JobKind, KindRules][]).flatMap(([kind, rules]) =>
    says(rules) ? [kind] : [],
  );
}

/** Which session may take a job if the named session cannot. */
export const SESSION_FALLBACKS = ['primary', 'none'] as const;
export type SessionFallback = (typeof SESSION_FALLBACKS)[number];

/** What to do at a usage limit of the agent's account if the job has had no effect yet. */
export const USAGE_LIMIT_POLICIES = ['wait', 'fail'] as const;
export type UsageLimitPolicy = (typeof USAGE_LIMIT_POLICIES)[number];

export const FAILURE_KINDS = [
  /** The agent ended with an error, or without an answer. */
  'agent_error',
  /** The agent does not know the session of the job. No other session was used. */
  'session_missing',
  /** The agent's account reached its usage limit after the job had an effect, so the job could not be returned. */
  'usage_limited',
  /** The agent was found signed out after the job had an effect. */
  'signed_out',
  /** The agent's model was overloaded or unreachable after the job had an effect. */
  'overloaded',
  /** The agent's program was missing, broken, or refused its configuration, and the job could not be returned. */
  'agent_unavailable',
  /** The context of the session's model has no room for another turn. */
  'context_full',
  /** The session asks for a model that the agent's account or the model's server does not have. */
  'model_unavailable',
  /** The agent reached a time limit. */
  'agent_timeout',
  /** No linked repository on the machine matches. */
  'no_repository',
  /** The repository has no session that can take the job. */
  'no_session',
  /** The runner does not know this kind of job. */
  'unsupported_kind',
  /** A rule of the machine's owner forbids the job. */
  'policy_denied',
  /** Lost leases used up all automatic attempts. */
  'attempts_exhausted',
  /** The job waited past its expiry. */
  'expired',
] as const;
export type FailureKind = (typeof FAILURE_KINDS)[number];

/** The remedies for failures that a retry does not fix. They are shown after the error of the agent. */
export const REMEDIES: Readonly<Partial<Record<FailureKind, string>>> = {
  session_missing:
    'Register the session again with orp link session register, and run orp runner sync there. Then retry the job.',
  context_full:
    'Compact the session in its agent, or register another session with orp link session register. Then retry the job.',
  model_unavailable:
    "Choose another model in the session, or in the agent's configuration. Then retry the job.",
};

const DAY_MS = 24 * 60 * 60 * 1000;

/** The number of automatic attempts before a job fails as `attempts_exhausted`. A retry by a person resets the count. */
export const DEFAULT_MAX_ATTEMPTS = 3;
export const MAX_ATTEMPTS_LIMIT = 20;

/** A queued job expires after a week. Its sender may choose another time of at most 90 days. */
export const DEFAULT_EXPIRY_MS = 7 * DAY_MS;
export const MAX_EXPIRY_MS = 90 * DAY_MS;

/** How long the same Idempotency-Key returns the same job. */
export const IDEMPOTENCY_MS = 30 * DAY_MS;

export const MIN_PRIORITY = -100;
export const MAX_PRIORITY = 100;

/** The longest time limit that a sender may set. */
export const MAX_TIMEOUT_SECONDS = 24 * 60 * 60;

/** The maximum bytes (UTF-8) of a prompt, an answer, and one upload of the transcript. The server refuses more with 413. */
export const MAX_PROMPT_BYTES = 256 * 1024;
export const MAX_RESULT_BYTES = 1024 * 1024;
export const MAX_CHUNK_BYTES = 256 * 1024;

/** The maximum number of characters in a summary. The v0.4.4 client cuts summaries at the same length. */
export const SUMMARY_LENGTH = 280;
