/** Accounts with small limits, as an operator may grant them. */

import { env } from 'cloudflare:workers';
import type { AccountLimits } from '../../../spec/bounds.ts';
import type { Person } from './people.ts';

/** Gives an account limits of its own. */
export async function limitAccount(person: Person, limits: Partial<AccountLimits>): Promise<void> {
  await env.DB.prepare('UPDATE account_usage SET limits = ? WHERE user_id = ?')
    .bind(JSON.stringify(limits), person.userId)
    .run();
}

/** What the counters say. */
export async function usageOf(person: Person): Promise<{ ideas: number; features: number; bytes: number }> {
  const row = await env.DB.prepare(
    'SELECT ideas, features, stored_bytes AS bytes FROM account_usage WHERE user_id = ?',
  )
    .bind(person.userId)
    .first<{ ideas: number; features: number; bytes: number }>();
  if (row === null) throw new Error('the account has no usage');
  return row;
}
