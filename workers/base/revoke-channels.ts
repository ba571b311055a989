/**
 * A revoked token opens nothing any more within 30 s, and holds nothing open: the channels of runners are closed by their
 * objects, which are told; the streams of followers, wherever they are, ask for themselves.
 */

import { isLiveToken } from '../store/accounts.ts';
import { readRecentMachines } from '../store/channel-machines.ts';
import type { Deps } from './deps.ts';
import { LOBBY } from './tell-moved.ts';

/** More machines than an account keeps running; beyond them a revoked channel ends with its next reconnect. */
const MACHINES_LIMIT = 500;

/** Enough of a hash to tell the tokens of one account apart, and too little to look one up. */
const MARK_LENGTH = 16;

/** How a channel remembers whose token opened it. */
export function tokenMark(tokenHash: string): string {
  return tokenHash.slice(0, MARK_LENGTH);
}

/** Whether the token still counts: asked of D1, past everything that an isolate trusts. */
export function isTokenLive(deps: Deps, tokenHash: string): Promise<boolean> {
  return isLiveToken(deps.db, tokenHash);
}

/**
 * Has every machine of the account close what this token opened. Called after D1 was told; a channel that opens meanwhile
 * asks D1 once it is accepted, so either it is told or it finds out.
 */
export async function closeChannelsOf(
  deps: Deps,
  token: { userId: string; tokenHash: string },
): Promise<void> {
  const { userId, tokenHash } = token;
  const mark = tokenMark(tokenHash);
  const machines = await deps.db.all<{ id: string }>(readRecentMachines(userId, MACHINES_LIMIT));
  await Promise.all(
    [LOBBY, ...machines.map(({ id }) => id)].map((machineId) =>
      deps.machines
        .call({ userId, machineId }, async (stub) => stub.closeChannelsOf(mark))
        .catch((error: unknown) => deps.log('object_not_told', { machineId, message: String(error) })),
    ),
  );
}
