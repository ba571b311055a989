/** The machines of an account. */

import type { UserId } from '../../spec/ids.ts';
import type { MachinePresence } from '../../spec/job/waiting.ts';
import type { Deps } from '../base/deps.ts';
import { type MachineRow, readMachinesOf, toPresence } from '../store/machines.ts';

/** By name. An account has a bounded number of them. */
export async function listMachines(deps: Deps, userId: UserId): Promise<MachinePresence[]> {
  const rows = await deps.db.all<MachineRow>(readMachinesOf(userId));
  return rows.map(toPresence).sort((one, other) => one.name.localeCompare(other.name));
}
