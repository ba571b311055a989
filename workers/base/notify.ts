/** Wakes machines and notifies followers. If a wake-up is lost, a job only starts later; the loss is logged. */

import type { Route } from '../../spec/job/routing.ts';
import { isLiveToken } from '../store/accounts.ts';
import type { Row } from '../store/database.ts';
import type { JobRow } from '../store/job-row.ts';
import { readRecentMachines } from '../store/machines.ts';
import type { Deps } from './deps.ts';
import type { MachineApi } from './machine-api.ts';
import { platform } from './platform.ts';

type ByMachine = readonly Pick<Route, 'machineId'>[];

/** Wakes every machine in `routes` once, after the server has sent its answer. */
export function wakeMachines(deps: Deps, userId: string, routes: ByMachine): void {
  for (const machineId of new Set(routes.map((route) => route.machineId))) {
    void deps.machines.tell({ userId, machineId }, async (stub) => stub.wake());
  }
}

/**
 * Wakes the machines of `routes` now. For a job that becomes due later, the object of each machine reads the queue at that
 * time.
 */
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

/** Reads the rows of `readSharers`: the machines for which a session has become free. */
export function sharersIn(result: { rows: readonly Row[] } | undefined): ByMachine {
  return (result?.rows ?? []).map((row) => ({ machineId: String(row.machineId) }));
}

/** The id of the object that serves the followers of an account's queued jobs. No machine can have this id. */
export const QUEUE_CHANNEL = '~queue';

/** Returns the object that serves the followers of a job: the object of its machine, or the queue channel of the account. */
export function placeOf({ machineId }: Pick<JobRow, 'machineId'>): string {
  return machineId ?? QUEUE_CHANNEL;
}

/**
 * Notifies the followers of a job after the server has sent its answer. If the notification is lost, the followers read the
 * change with their next stream. `job` is the row before the change.
 */
export function notifyFollowers(deps: Deps, job: Pick<JobRow, 'id' | 'userId' | 'machineId'>): void {
  const { id, userId } = job;
  void deps.machines.tell({ userId, machineId: placeOf(job) }, async (stub) => stub.moved(id));
}

/** More machines than an account usually runs. At further machines, a revoked channel ends with its next reconnect. */
const MACHINES_LIMIT = 500;

/** The length of a hash prefix that distinguishes the tokens of one account but does not identify a token in the table. */
const MARK_LENGTH = 16;

/** The mark by which a channel remembers the token that opened it. */
export function tokenMark(tokenHash: string): string {
  return tokenHash.slice(0, MARK_LENGTH);
}

/**
 * Returns whether the token is still valid. Asks D1 and ignores the cache of the isolate. Reads the clock again, because a
 * stream asks long after its request began.
 */
export function isTokenLive(deps: Deps, tokenHash: string): Promise<boolean> {
  return isLiveToken(deps.db, tokenHash, platform.now());
}

/**
 * Closes every channel that this token opened at the machines of the account. Called after D1 has recorded the revocation.
 * A channel that opens in the meantime asks D1 after it was accepted, so no channel is missed.
 *
 * A revoked token opens no connection after 30 s, and keeps none open: objects close the channels of runners when they are
 * notified, and the streams of followers check their token themselves.
 */
export async function closeChannelsOf(
  deps: Deps,
  token: { userId: string; tokenHash: string },
): Promise<void> {
  const { userId, tokenHash } = token;
  const mark = tokenMark(tokenHash);
  await tellMachinesOf(deps, userId, async (stub) => stub.closeChannelsOf(mark));
}

/** Closes every channel of an account, whichever of its tokens opened it. Called after D1 refuses these tokens. */
export async function closeOwnChannels(deps: Deps, userId: string): Promise<void> {
  await tellMachinesOf(deps, userId, async (stub) => stub.closeOwnChannels());
}

async function tellMachinesOf(
  deps: Deps,
  userId: string,
  say: (stub: DurableObjectStub<MachineApi>) => Promise<void>,
): Promise<void> {
  const machines = await deps.db.all<{ id: string }>(readRecentMachines(userId, MACHINES_LIMIT));
  await Promise.all(
    [QUEUE_CHANNEL, ...machines.map(({ id }) => id)].map((machineId) =>
      deps.machines.tell({ userId, machineId }, say),
    ),
  );
}
