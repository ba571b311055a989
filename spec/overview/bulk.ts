/** The rules for bulk orders: which actions exist, and which jobs a filter selects. */

import { type JobStatus, TRANSITIONS } from '../job/status.ts';

export const BULK_ACTIONS = ['cancel', 'requeue'] as const;
export type BulkAction = (typeof BULK_ACTIONS)[number];

export const BULK_STATES = ['running', 'completed', 'aborted'] as const;

/** The filter of the job list, for one account or for all accounts. */
export interface BulkFilter {
  /** The id or the e-mail address of an account. */
  account?: string | undefined;
  status?: string | undefined;
  kind?: string | undefined;
  ideaId?: string | undefined;
  machineId?: string | undefined;
}

/** The statuses that an action may change. A bulk order cannot requeue completed or cancelled jobs. */
export const BULK_FROM: Record<BulkAction, readonly JobStatus[]> = {
  cancel: TRANSITIONS.cancel.from,
  requeue: TRANSITIONS.retry.from.filter((status) => status !== 'completed' && status !== 'cancelled'),
};

/**
 * The statuses that an action changes if the filter names no status. To requeue running jobs, the filter must name their
 * status.
 */
const BULK_DEFAULT: Record<BulkAction, readonly JobStatus[]> = {
  cancel: BULK_FROM.cancel,
  requeue: ['lost', 'failed'],
};

/** Returns the statuses that a filter selects for an action, or the first status that it must not name. */
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
