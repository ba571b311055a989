/** Checks the limits of an account. The server refuses only new jobs and data, never results and transcripts. */

import type { AccountLimit, AccountLimits } from '../../spec/bounds.ts';
import { limitSentence } from '../../spec/bounds.ts';
import type { Result } from '../../spec/errors.ts';
import { accept, refuse } from '../../spec/errors.ts';
import type { Deps } from '../base/deps.ts';
import type { Added } from '../store/account-usage.ts';
import { findFullLimit, readLimits } from '../store/account-usage.ts';
import { DatabaseUnavailable } from '../store/database.ts';

/** Returns the limits of this account. */
export function limitsOf(deps: Deps, userId: string): Promise<AccountLimits> {
  return readLimits(deps.db, userId, deps.settings.accountLimits);
}

/** Checks whether the account has room for a write. The guard of the write decides; this function explains its refusal. */
export async function checkRoom(
  deps: Deps,
  userId: string,
  added: Added,
): Promise<Result<undefined, 'limit_reached'>> {
  const full = await findFullLimit(deps.db, userId, { added, limits: deps.settings.accountLimits });
  if (full === undefined) return accept(undefined);
  return limitReached(deps, { userId, limit: full, limits: await limitsOf(deps, userId) });
}

/** Names the limit after the guard of a write found no room, even if room has become free in the meantime. */
export async function noRoom(
  deps: Deps,
  userId: string,
  added: Added,
): Promise<Result<never, 'limit_reached'>> {
  const room = await checkRoom(deps, userId, added);
  if (room.ok) throw new DatabaseUnavailable('room came free after the guard had said no');
  return room;
}

/** Returns the refusal at one limit, and logs it. */
export function limitReached(
  deps: Deps,
  { userId, limit, limits }: { userId: string; limit: AccountLimit; limits: AccountLimits },
) {
  deps.log('limit_reached', { userId, limit });
  const { message, hint } = limitSentence(limit, limits);
  return refuse('limit_reached', message, hint);
}
