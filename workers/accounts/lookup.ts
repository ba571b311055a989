/** Finds complete ids for people who typed the beginning of one. */

import type { LookupKind } from '../../spec/contract/machines.ts';
import type { UserId } from '../../spec/ids.ts';
import type { Deps } from '../base/deps.ts';
import * as store from '../store/ids.ts';

export function findIds(
  deps: Deps,
  userId: UserId,
  asked: { kind: LookupKind; prefix: string },
): Promise<string[]> {
  return store.findIds(deps.db, userId, asked);
}
