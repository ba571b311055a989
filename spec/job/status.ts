/**
 * The life of a job. This table is the only authority on status changes: the SQL guards, the diagram in
 * docs/protocol.md and the tests are all derived from it. A change that is not in the table is forbidden.
 *
 *   queued ──claim──▶ dispatched ──start──▶ running ──complete──▶ completed
 *                                                  └──fail──────▶ failed
 */

/** Every status, in the order of a job's life. */
export const JOB_STATUSES = [
  /** The job waits for a claim. A claim, a cancel or its expiry ends this status. */
  'queued',
  /** A machine holds the lease and has not started the job yet. If the machine crashes, the job returns to the queue. */
  'dispatched',
  /** The agent works. Its result, a cancel or the loss of the lease ends this status. */
  'running',
  /**
   * The machine stopped responding while the agent worked, and the policy is `hold`. The job stays `lost` until the machine
   * returns or a person decides.
   */
  'lost',
  /** The agent answered. */
  'completed',
  /** The agent, the runner or the server gave up. `failureKind` has the reason. */
  'failed',
  /** A person cancelled the job. */
  'cancelled',
] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

/** The status of a new job. */
export const FIRST_STATUS = 'queued' satisfies JobStatus;

/** The terminal statuses. Only a retry by a person changes them. */
const TERMINAL_STATUSES = ['completed', 'failed', 'cancelled'] as const satisfies readonly JobStatus[];

/** Statuses in which a machine holds the job under a lease. */
export const LEASED_STATUSES = ['dispatched', 'running'] as const satisfies readonly JobStatus[];

/**
 * The statuses in which a job reserves its agent session. A machine that stopped responding (`lost`) may still work in the
 * session and return with the same lease. So no other job may run in the session until the result arrives or a person
 * decides.
 */
export const HELD_STATUSES = [...LEASED_STATUSES, 'lost'] as const satisfies readonly JobStatus[];

export const JOB_VERBS = [
  'claim',
  'start',
  'complete',
  'fail',
  'release',
  'return',
  'requeue',
  'exhaust',
  'hold',
  'resume',
  'cancel',
  'retry',
  'expire',
] as const;
export type JobVerb = (typeof JOB_VERBS)[number];

/** For each verb, the statuses from which it is allowed and the status that it leads to. */
export const TRANSITIONS = {
  /** A machine takes the lease. */
  claim: { from: ['queued'], to: 'dispatched' },
  /** The holder reports that the agent is about to start. */
  start: { from: ['dispatched'], to: 'running' },
  /** The holder delivers the answer. From `lost`, it is a late answer under the same lease. */
  complete: { from: ['running', 'lost'], to: 'completed' },
  /** The holder reports a failure. */
  fail: { from: ['running', 'lost'], to: 'failed' },
  /** The lease expired before the start. The job returns to the queue, and the attempt does not count. */
  release: { from: ['dispatched'], to: 'queued' },
  /**
   * The holder returns the job and proves that the prompt had no effect. The attempt does not count. From `lost`, it is a
   * late return under the same lease.
   */
  return: { from: ['dispatched', 'running', 'lost'], to: 'queued' },
  /** The lease expired while the agent worked. Under the policy `requeue`, the job returns to the queue after a pause. */
  requeue: { from: ['running'], to: 'queued' },
  /** The lease expired while the agent worked. Under the policy `requeue`, the job fails, because it has no automatic attempt left. */
  exhaust: { from: ['running'], to: 'failed' },
  /** The lease expired while the agent worked. Under the policy `hold`, only a person may retry the job. */
  hold: { from: ['running'], to: 'lost' },
  /** The machine returned with the same lease. */
  resume: { from: ['lost'], to: 'running' },
  /** A person cancels the job. The cancel takes effect at once and revokes the lease, if there is one. */
  cancel: { from: ['queued', 'dispatched', 'running', 'lost'], to: 'cancelled' },
  /** A person retries the job. An active lease is revoked. */
  retry: { from: ['dispatched', 'running', 'lost', 'completed', 'failed', 'cancelled'], to: 'queued' },
  /** The job waited past its expiry. It fails, because an old prompt must not run unexpectedly. */
  expire: { from: ['queued'], to: 'failed' },
} as const satisfies Record<JobVerb, { from: readonly JobStatus[]; to: JobStatus }>;

/** Returns whether `verb` may be applied to a job in `status`. */
export function isAllowed(verb: JobVerb, status: JobStatus): boolean {
  return (TRANSITIONS[verb].from as readonly JobStatus[]).includes(status);
}

/** Returns whether the status is terminal. */
export function isTerminal(status: JobStatus): boolean {
  return (TERMINAL_STATUSES as readonly JobStatus[]).includes(status);
}

/** Returns whether a machine holds the job. */
export function isLeased(status: JobStatus): boolean {
  return (LEASED_STATUSES as readonly JobStatus[]).includes(status);
}

/** Returns whether an attempt may be running. */
export function isHeld(status: JobStatus): boolean {
  return (HELD_STATUSES as readonly JobStatus[]).includes(status);
}
