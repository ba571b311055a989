/** The names of machines. */

import type { MachinePresence } from '../../../spec/job/waiting.ts';
import { shownLine } from '../design/shown.ts';

export type MachineNames = ReadonlyMap<string, string>;

export function namesOf(machines: readonly MachinePresence[]): MachineNames {
  return new Map(machines.map(({ machineId, name }) => [machineId, shownLine(name, 60) || machineId]));
}

/** Returns the name of a machine. If the account has no such machine, returns the beginning of the id. */
export function nameOf(names: MachineNames, machineId: string): string {
  return names.get(machineId) ?? `machine ${shownLine(machineId, 12)}`;
}
