/** Wakes machines and notifies followers. A wake is a hint: a lost one costs latency and is logged. */

import type { Route } from '../../spec/job/routing.ts';
import { isLiveToken } from '../store/accounts.ts';
import type { Row } from '../store/database.ts';
import type { JobRow } from '../store/job-row.ts';
import { readRecentMachines } from '../store/machines.ts';
import type { Deps } from './deps.ts';

type ByMachine = readonly Pick<Route, 'machineId'>[];

/** Wakes every machine that appears in `routes`, each once, after the answer was sent. */
export function wakeMachines(deps: Deps, userId: string, routes: ByMachine): void {
  for (const machineId of new Set(routes.map((route) => route.machineId))) {
    void deps.machines.tell({ userId, machineId }, async (stub) => stub.wake());
  }
}

/** Wakes the machines of `routes` now. For a job that is due later, the object of each machine looks at the queue at that time. */
export function wakeAt(
  deps: Deps,
  { userId, routes, at }: { userId: string; routes: ByMachine; at: number },
): void {
  if (at <= deps.now) {
    wakeMachines(deps, userId, routes);
    return;
  }
  for (const machineId of new Set(routes.map((route) => route.machineId))) {
    void deps.machines.tell({ userId, machineId }, async (stub) => stub.lookAgainAt(at));
  }
}

/** The rows of `readSharers`: machines for which a session has become free. */
export function sharersIn(result: { rows: readonly Row[] } | undefined): ByMachine {
  return (result?.rows ?? []).map((row) => ({ machineId: String(row.machineId) }));
}

/** The object where an account's queued jobs are followed; no machine can have this id. */
export const QUEUE_CHANNEL = '~queue';

/** Where followers of a job listen: at the machine that holds it, or at the object of the account's queue. */
export function placeOf({ machineId }: Pick<JobRow, 'machineId'>): string {
  return machineId ?? QUEUE_CHANNEL;
}

/**
 * Notifies the followers of a job after the answer was sent. A hint: when it is lost, they read the change with their
 * next stream. `job`: as they knew it.
 */
export function notifyFollowers(deps: Deps, job: Pick<JobRow, 'id' | 'userId' | 'machineId'>): void {
  const { id, userId } = job;
  void deps.machines.tell({ userId, machineId: placeOf(job) }, async (stub) => stub.moved(id));
}

/** More machines than an account keeps running; beyond them a revoked channel ends with its next reconnect. */
const MACHINES_LIMIT = 500;

/** Enough of a hash to tell the tokens of one account apart, and too little to look one up. */
const MARK_LENGTH = 16;

/** How a channel remembers whose token opened it. */
export function tokenMark(tokenHash: string): string {
  return tokenHash.slice(0, MARK_LENGTH);
}

/** Whether the token is still valid. Asks D1 and ignores what the isolate remembers. */
export function isTokenLive(deps: Deps, tokenHash: string): Promise<boolean> {
  return isLiveToken(deps.db, tokenHash);
}

/**
 * A revoked token opens nothing after 30 s, and holds nothing open: objects close the channels of runners when they
 * are told, and the streams of followers ask for themselves.
 *
 * Closes every channel that this token opened at the machines of the account. Called after D1 has recorded the
 * revocation: a channel that opens meanwhile asks D1 once it is accepted, so it cannot be missed.
 */
export async function closeChannelsOf(
  deps: Deps,
  token: { userId: string; tokenHash: string },
): Promise<void> {
  const { userId, tokenHash } = token;
  const mark = tokenMark(tokenHash);
  const machines = await deps.db.all<{ id: string }>(readRecentMachines(userId, MACHINES_LIMIT));
  await Promise.all(
    [QUEUE_CHANNEL, ...machines.map(({ id }) => id)].map((machineId) =>
      deps.machines.tell({ userId, machineId }, async (stub) => stub.closeChannelsOf(mark)),
    ),
  );
}
