/** Shows operators what accounts use, and changes the limits of one account. */

import { ACCOUNT_LIMITS, type AccountLimit, type AccountLimits } from '../../spec/bounds.ts';
import { accept, type Result } from '../../spec/errors.ts';
import type { SignedIn } from '../accounts/authenticate.ts';
import type { Deps } from '../base/deps.ts';
import { type LimitChanges, setLimits } from '../store/account-orders.ts';
import { COUNTED_EXACTLY, readUsage, type UsageRow } from '../store/account-usage.ts';
import { rowsOf } from '../store/database.ts';
import { readLinkedElsewhere } from '../store/linked-projects.ts';
import { type AccountOrder, findAccount, unknownAccount } from './accounts.ts';

/** The number of accounts that one page of the list looks at. */
const SCANNED = 200;
/** The list includes an account that uses at least this share of a limit. */
const NEARLY_FULL = 0.8;

export interface ShownLimit {
  name: AccountLimit;
  /** Absent if the server keeps no count. */
  used?: number | undefined;
  limit: number;
  /** The limit of the deployment. */
  default: number;
  /** True if an operator set the limit of this account. */
  custom: boolean;
}

export interface AccountUsage {
  id: string;
  email: string;
  limits: ShownLimit[];
}

/** Lists the accounts that are at a limit or near it, each with these limits only. A page may be empty. */
export async function listFullAccounts(
  deps: Deps,
  { cursor = '' }: { cursor?: string | undefined },
): Promise<{ accounts: AccountUsage[]; nextCursor: string | undefined }> {
  const defaults = deps.settings.accountLimits;
  const rows = await deps.db.all<UsageRow>(readUsage({ after: cursor, limit: SCANNED }, defaults));
  const accounts = rows.map(({ id, email, limits, ...used }) => ({
    id,
    email,
    limits: shownLimits(limits, { used, defaults }).filter(isNearlyFull),
  }));
  return {
    accounts: accounts.filter(({ limits }) => limits.length > 0),
    nextCursor: rows.length === SCANNED ? rows.at(-1)?.id : undefined,
  };
}

export function isNearlyFull({ used, limit }: ShownLimit): boolean {
  return used !== undefined && used > 0 && used >= NEARLY_FULL * limit;
}

/** Returns whether the server knows only an estimate of the usage, because it counts a sample of the jobs. */
export function isEstimate({ name, limit }: ShownLimit): boolean {
  return name === 'keptJobs' || (name === 'queuedJobs' && limit > COUNTED_EXACTLY);
}

export async function showLimits(deps: Deps, accountId: string): Promise<Result<AccountUsage, 'not_found'>> {
  const defaults = deps.settings.accountLimits;
  const [counted, linked] = await deps.db.batch([
    readUsage({ userId: accountId }, defaults),
    readLinkedElsewhere(accountId, ''),
  ]);
  const [row] = rowsOf<UsageRow>(counted);
  if (row === undefined) return unknownAccount(accountId);
  const { id, email, limits, ...used } = row;
  const linkedBytes = rowsOf<{ bytes: number }>(linked)[0]?.bytes;
  return accept({ id, email, limits: shownLimits(limits, { used: { ...used, linkedBytes }, defaults }) });
}

function shownLimits(
  set: string | null,
  { used, defaults }: { used: { [Name in AccountLimit]?: number | undefined }; defaults: AccountLimits },
): ShownLimit[] {
  const own = JSON.parse(set ?? '{}') as Partial<AccountLimits>;
  return ACCOUNT_LIMITS.map((name) => ({
    name,
    used: used[name],
    limit: own[name] ?? defaults[name],
    default: defaults[name],
    custom: own[name] !== undefined,
  }));
}

/** If `seen` is given, nothing changes unless these limits are still set as the operator saw them. */
export async function changeLimits(
  deps: Deps,
  operator: SignedIn,
  { accountId, ...order }: AccountOrder & { changes: LimitChanges; seen?: LimitChanges },
): Promise<Result<{ changed: boolean }, 'not_found'>> {
  const known = await findAccount(deps, accountId);
  if (!known.ok) return known;
  const changed = await setLimits(deps.db, accountId, { ...order, now: deps.now, actor: operator.id });
  if (changed) deps.log('limits_changed', { userId: accountId, by: operator.id });
  return accept({ changed });
}
