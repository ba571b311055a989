/** Has a machine finish what it does and claim nothing more, or go on. D1 first, then its object and its channel. */

import type { Result } from '../../spec/errors.ts';
import { accept } from '../../spec/errors.ts';
import type { SignedIn } from '../accounts/authenticate.ts';
import type { Deps } from '../base/deps.ts';
import { setDrainingIfOther } from '../store/machine-drain.ts';
import { findMachineForPerson } from './presence.ts';

export interface DrainOrder {
  machineId: string;
  isDraining: boolean;
  reason: string | undefined;
  /** Where the order came from, for the audit log. */
  source: string;
}

export interface Drained {
  machine: { id: string; name: string; draining: boolean };
  changed: boolean;
}

/** The owner may, and operators. Machines of others answer as unknown ones do. */
export async function drainMachine(
  deps: Deps,
  user: SignedIn,
  { machineId, isDraining, reason, source }: DrainOrder,
): Promise<Result<Drained, 'not_found'>> {
  const found = await findMachineForPerson(deps, user, machineId);
  if (!found.ok) return found;
  const { userId, name } = found.value;

  const order = { userId, machineId, isDraining, now: deps.now, actor: user.id, source, reason };
  const changed = await setDrainingIfOther(deps.db, order);

  if (changed) deps.log(isDraining ? 'machine_draining' : 'machine_resumed', { machineId, by: user.id });
  // A repeat tells again: the word to the object may have been lost with the answer.
  deps.later(deps.machines.call({ userId, machineId }, async (stub) => stub.drain(isDraining)));
  return accept({ machine: { id: machineId, name, draining: isDraining }, changed });
}
