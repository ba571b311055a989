/** Tells the followers of a job that somebody else than its machine has moved it. */

import type { JobRow } from '../store/job-row.ts';
import type { Deps } from './deps.ts';

/** The object where an account's queued jobs are followed; no machine can have this id. */
export const LOBBY = '~queue';

/** Where the followers of a job always listen: at the machine that holds it, or in the lobby. */
export function placeOf({ machineId }: Pick<JobRow, 'machineId'>): string {
  return machineId ?? LOBBY;
}

/** After the answer was sent. A hint: a lost one costs followers the rest of their stream. `job`: as they knew it. */
export function tellMoved(deps: Deps, job: Pick<JobRow, 'id' | 'userId' | 'machineId'>): void {
  const { id, userId } = job;
  deps.later(deps.machines.call({ userId, machineId: placeOf(job) }, async (stub) => stub.moved(id)));
}
