/** Lists, disables and enables accounts, for operators. */

import { accept, type Result, refuse } from '../../spec/errors.ts';
import { forgetToken, type SignedIn } from '../accounts/authenticate.ts';
import type { Deps } from '../base/deps.ts';
import { iso } from '../base/iso.ts';
import { closeOwnChannels } from '../base/notify.ts';
import {
  type ListedAccount,
  readAccount,
  readAccounts,
  readLiveTokens,
  setDisabled,
} from '../store/account-orders.ts';

export interface AccountQuery {
  limit: number;
  cursor?: string | undefined;
  /** An id or an e-mail address. The list then has at most one account. */
  account?: string | undefined;
}

export async function listAccounts(deps: Deps, { limit, cursor = '', account }: AccountQuery) {
  const statement =
    account === undefined ? readAccounts({ after: cursor, limit: limit + 1 }) : readAccount(account);
  const rows = await deps.db.all<ListedAccount>(statement);
  const page = rows.slice(0, limit);
  return {
    accounts: page.map(({ createdAt, disabledAt, ...user }) => ({
      ...user,
      createdAt: new Date(createdAt).toISOString(),
      disabledAt: iso(disabledAt),
    })),
    nextCursor: rows.length > limit ? page.at(-1)?.id : undefined,
  };
}

export async function findAccount(deps: Deps, id: string): Promise<Result<ListedAccount, 'not_found'>> {
  const [found] = await deps.db.all<ListedAccount>(readAccount(id));
  return found?.id === id ? accept(found) : unknownAccount(id);
}

export function unknownAccount(id: string) {
  return refuse('not_found', `There is no account ${id}.`, 'orp admin accounts lists the accounts.');
}

export interface AccountOrder {
  accountId: string;
  reason: string | undefined;
  source: string;
}

/**
 * Disables an account. It can no longer sign in, the server rejects its tokens everywhere within 30 s, and its channels are
 * closed. Its queued jobs stay queued, because nobody can claim them. Nothing is revoked, so its devices work again after
 * the account is enabled.
 */
export async function disableAccount(
  deps: Deps,
  operator: SignedIn,
  order: AccountOrder,
): Promise<Result<{ changed: boolean }, 'not_found' | 'wrong_status'>> {
  const { accountId } = order;
  if (accountId === operator.id) {
    return refuse(
      'wrong_status',
      'You cannot disable your own account.',
      'Ask another operator, so that the server always has one.',
    );
  }
  const changed = await setDisabledBy(deps, operator, { ...order, isDisabled: true });
  if (!changed.ok || !changed.value.changed) return changed;
  const tokens = await deps.db.all<{ hash: string }>(readLiveTokens(accountId));
  for (const { hash } of tokens) forgetToken(hash);
  await closeOwnChannels(deps, accountId);
  return changed;
}

export function enableAccount(deps: Deps, operator: SignedIn, order: AccountOrder) {
  return setDisabledBy(deps, operator, { ...order, isDisabled: false });
}

async function setDisabledBy(
  deps: Deps,
  operator: SignedIn,
  { accountId, isDisabled, reason, source }: AccountOrder & { isDisabled: boolean },
): Promise<Result<{ changed: boolean }, 'not_found'>> {
  const known = await findAccount(deps, accountId);
  if (!known.ok) return known;
  const order = { now: deps.now, actor: operator.id, source, reason, isDisabled };
  const changed = await setDisabled(deps.db, accountId, order);
  if (changed)
    deps.log(isDisabled ? 'account_disabled' : 'account_enabled', { userId: accountId, by: operator.id });
  return accept({ changed });
}
