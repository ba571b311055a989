/** Refusals at the limits of an account: new work is refused, results and transcripts never are. */

import type { AccountLimit, AccountLimits } from '../../spec/bounds.ts';
import { limitSentence } from '../../spec/bounds.ts';
import type { Result } from '../../spec/errors.ts';
import { accept, refuse } from '../../spec/errors.ts';
import type { Deps } from '../base/deps.ts';
import type { Added } from '../store/account-usage.ts';
import { findFullLimit, readLimits } from '../store/account-usage.ts';
import { DatabaseUnavailable } from '../store/database.ts';

/** What this account may hold. */
export function limitsOf(deps: Deps, userId: string): Promise<AccountLimits> {
  return readLimits(deps.db, userId, deps.settings.accountLimits);
}

/** Whether the account has room for what a write adds. The guard of the write decides; this explains its refusal. */
export async function checkRoom(
  deps: Deps,
  userId: string,
  added: Added,
): Promise<Result<undefined, 'limit_reached'>> {
  const full = await findFullLimit(deps.db, userId, { added, limits: deps.settings.accountLimits });
  if (full === undefined) return accept(undefined);
  return limitReached(deps, { userId, limit: full, limits: await limitsOf(deps, userId) });
}

/** The guard of a write found no room: names the limit. Room that became free meanwhile is for the next request. */
export async function noRoom(
  deps: Deps,
  userId: string,
  added: Added,
): Promise<Result<never, 'limit_reached'>> {
  const room = await checkRoom(deps, userId, added);
  if (room.ok) throw new DatabaseUnavailable('room came free after the guard had said no');
  return room;
}

/** The refusal at one limit, and its line in the log. */
export function limitReached(
  deps: Deps,
  { userId, limit, limits }: { userId: string; limit: AccountLimit; limits: AccountLimits },
) {
  deps.log('limit_reached', { userId, limit });
  const { message, hint } = limitSentence(limit, limits);
  return refuse('limit_reached', message, hint);
}
