/** Names of machines. */

import type { MachinePresence } from '../../../spec/job/waiting.ts';
import { shownLine } from '../design/shown.ts';

export type MachineNames = ReadonlyMap<string, string>;

export function namesOf(machines: readonly MachinePresence[]): MachineNames {
  return new Map(machines.map(({ machineId, name }) => [machineId, shownLine(name, 60) || machineId]));
}

/** The name, or the beginning of the id of a machine that is not, or no longer, one of the account. */
export function nameOf(names: MachineNames, machineId: string): string {
  return names.get(machineId) ?? `machine ${shownLine(machineId, 12)}`;
}
