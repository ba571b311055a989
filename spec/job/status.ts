/**
 * The life of a job. This table is the only authority on status changes: the SQL guards, the diagram in
 * docs/protocol.md and the tests are all derived from it. A change that is not in the table is forbidden.
 *
 *   queued ──claim──▶ dispatched ──start──▶ running ──complete──▶ completed
 *                                                  └──fail──────▶ failed
 */

/** Every status, in the order of a job's life. */
export const JOB_STATUSES = [
  /** Waits to be claimed. A claim, a cancel or its expiry ends this. */
  'queued',
  /** A machine holds the lease and has not started the job yet. After a crash it returns to the queue. */
  'dispatched',
  /** The agent works. Its result, a cancel or the loss of the lease ends this. */
  'running',
  /**
   * The machine stopped responding while the agent worked, and the policy is `hold`: only its late result or a person
   * changes this.
   */
  'lost',
  /** The agent answered. */
  'completed',
  /** The agent, the runner or the server gave up; `failureKind` says why. */
  'failed',
  /** A person stopped it. */
  'cancelled',
] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

/** The status of a new job. */
export const FIRST_STATUS = 'queued' satisfies JobStatus;

/** Terminal statuses: only a retry by a person changes them. */
const TERMINAL_STATUSES = ['completed', 'failed', 'cancelled'] as const satisfies readonly JobStatus[];

/** Statuses in which a machine holds the job under a lease. */
export const LEASED_STATUSES = ['dispatched', 'running'] as const satisfies readonly JobStatus[];

/**
 * Statuses whose holder has the agent session for itself. A machine that stopped responding (`lost`) may still work
 * in it and return with the same lease, so nothing else may run there until its result arrives or a person decides.
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

/** The statuses that each verb starts from, and the one that it leads to. */
export const TRANSITIONS = {
  /** A machine takes the lease. */
  claim: { from: ['queued'], to: 'dispatched' },
  /** The holder reports that the agent is about to run. */
  start: { from: ['dispatched'], to: 'running' },
  /** The holder delivers the answer; from `lost` it is a late one, under the same lease. */
  complete: { from: ['running', 'lost'], to: 'completed' },
  /** The holder reports a failure. */
  fail: { from: ['running', 'lost'], to: 'failed' },
  /** The lease expired before the start. The job returns to the queue, and the attempt does not count. */
  release: { from: ['dispatched'], to: 'queued' },
  /**
   * The holder returns the job and proves that the prompt had no effect; the attempt does not count. From `lost` it
   * is a late return, under the same lease.
   */
  return: { from: ['dispatched', 'running', 'lost'], to: 'queued' },
  /** The lease expired while the agent worked, under policy `requeue`: the job returns to the queue after a pause. */
  requeue: { from: ['running'], to: 'queued' },
  /** As `requeue`, but no automatic attempt is left. */
  exhaust: { from: ['running'], to: 'failed' },
  /** The lease expired while the agent worked, under policy `hold`: only a person may have it run again. */
  hold: { from: ['running'], to: 'lost' },
  /** The machine returned with the same lease. */
  resume: { from: ['lost'], to: 'running' },
  /** A person stops it. Final at once; a lease is revoked. */
  cancel: { from: ['queued', 'dispatched', 'running', 'lost'], to: 'cancelled' },
  /** A person wants it run again. An active lease is revoked. */
  retry: { from: ['dispatched', 'running', 'lost', 'completed', 'failed', 'cancelled'], to: 'queued' },
  /** It waited past its expiry; an old prompt must not run unexpectedly. */
  expire: { from: ['queued'], to: 'failed' },
} as const satisfies Record<JobVerb, { from: readonly JobStatus[]; to: JobStatus }>;

/** Whether `verb` may be applied to a job in `status`. */
export function isAllowed(verb: JobVerb, status: JobStatus): boolean {
  return (TRANSITIONS[verb].from as readonly JobStatus[]).includes(status);
}

/** Whether the status is terminal. */
export function isTerminal(status: JobStatus): boolean {
  return (TERMINAL_STATUSES as readonly JobStatus[]).includes(status);
}

/** Whether a machine holds the job. */
export function isLeased(status: JobStatus): boolean {
  return (LEASED_STATUSES as readonly JobStatus[]).includes(status);
}

/** Whether an attempt may be running. */
export function isHeld(status: JobStatus): boolean {
  return (HELD_STATUSES as readonly JobStatus[]).includes(status);
}
