/** Has a machine finish what it does and claim nothing more, or go on. D1 first, then its object and its channel. */

import type { Deps } from '../deps.ts';
import { setDraining } from '../store/machines.ts';
import type { MachineOf } from './live-leases.ts';

/** False: there is no such machine on this account. */
export async function drainMachine(deps: Deps, machine: MachineOf, isDraining: boolean): Promise<boolean> {
  if (!(await setDraining(deps.db, { ...machine, isDraining }))) return false;
  deps.log(isDraining ? 'machine_draining' : 'machine_resumed', { machineId: machine.machineId });
  deps.later(deps.machines.call(machine, async (stub) => stub.drain(isDraining)));
  return true;
}
