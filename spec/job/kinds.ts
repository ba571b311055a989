/** The table of job kinds. Also the policies, failure kinds, defaults and limits of jobs. */

/** What happens to a started job when its lease is lost. */
export const LEASE_LOSS_POLICIES = ['requeue', 'hold'] as const;
export type LeaseLossPolicy = (typeof LEASE_LOSS_POLICIES)[number];

/**
 * What the server writes when a job completes. `answer`: the result of the job. `review`: also the response of its
 * checkpoint.
 */
export type Completion = 'answer' | 'review';

/**
 * How an answer is summarised in one line. `first_line`: its first line with text. `sections`: from the sections of a review.
 */
export type SummaryRule = 'first_line' | 'sections';

/** Everything that depends on the kind of a job. A new kind is a new row here (docs/extending.md). */
export interface KindRules {
  /** The word for such a job in messages. */
  noun: string;
  /** The default policy. A job that only reads may run twice; a job that changes a repository may not. */
  onLeaseLoss: LeaseLossPolicy;
  /** `sender`: the sender writes the prompt and chooses the target; lists show the start. `server`: the server does both. */
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
  /** The session has no room for another turn in the context of its model. */
  'context_full',
  /** The agent's account, or its model's server, does not have the model that the session asks for. */
  'model_unavailable',
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

/** What a person can do about failures for which a retry does not help. Shown after the error of the agent. */
export const REMEDIES: Readonly<Partial<Record<FailureKind, string>>> = {
  context_full:
    'Compact the session in its agent, or register another session with orp link session register. Then retry the job.',
  model_unavailable:
    "Choose another model in the session, or in the agent's configuration. Then retry the job.",
};

const DAY_MS = 24 * 60 * 60 * 1000;

/** Automatic attempts before a job fails as `attempts_exhausted`; a retry by a person resets the count. */
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

/** Bytes (UTF-8) of a prompt, an answer, and one upload of the transcript. Larger ones are refused with 413. */
export const MAX_PROMPT_BYTES = 256 * 1024;
export const MAX_RESULT_BYTES = 1024 * 1024;
export const MAX_CHUNK_BYTES = 256 * 1024;

/** Characters of a summary, as the v0.4.4 client cuts it. */
export const SUMMARY_LENGTH = 280;
