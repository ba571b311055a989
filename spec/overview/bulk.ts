/** Orders over all jobs that match a filter: what may be ordered, and which jobs it means. */

import { type JobStatus, TRANSITIONS } from '../job/status.ts';

export const BULK_ACTIONS = ['cancel', 'requeue'] as const;
export type BulkAction = (typeof BULK_ACTIONS)[number];

export const BULK_STATES = ['running', 'completed', 'aborted'] as const;
export type BulkState = (typeof BULK_STATES)[number];

/** The filter of the job list, over all accounts or one. */
export interface BulkFilter {
  /** The id or the e-mail address of an account. */
  account?: string | undefined;
  status?: string | undefined;
  kind?: string | undefined;
  ideaId?: string | undefined;
  machineId?: string | undefined;
}

/** Statuses that an action may start from. Jobs that ended well or were cancelled are not requeued by the dozen. */
export const BULK_FROM: Record<BulkAction, readonly JobStatus[]> = {
  cancel: TRANSITIONS.cancel.from,
  requeue: TRANSITIONS.retry.from.filter((status) => status !== 'completed' && status !== 'cancelled'),
};

/** What an action means when the filter names no status. A requeue of a job at work must be asked for. */
const BULK_DEFAULT: Record<BulkAction, readonly JobStatus[]> = {
  cancel: BULK_FROM.cancel,
  requeue: ['lost', 'failed'],
};

/** The statuses that a filter means for an action, or the first one that it may not name. */
export function bulkStatuses(
  action: BulkAction,
  named: string | undefined,
): { kind: 'statuses'; statuses: readonly JobStatus[] } | { kind: 'wrong'; status: string } {
  const words = (named ?? '').split(',').map((word) => word.trim());
  const given = words.filter((word) => word !== '');
  if (given.length === 0) return { kind: 'statuses', statuses: BULK_DEFAULT[action] };
  const allowed: readonly string[] = BULK_FROM[action];
  const live = BULK_FROM[action].filter((status) => status !== 'failed');
  const statuses = given.flatMap((word): readonly string[] => (word === 'live' ? live : [word]));
  const wrong = statuses.find((status) => !allowed.includes(status));
  return wrong === undefined
    ? { kind: 'statuses', statuses: [...new Set(statuses)] as JobStatus[] }
    : { kind: 'wrong', status: wrong };
}
