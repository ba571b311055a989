/** What people see of a machine: when it was heard of, and, apart from that, whether it can be woken. */

import type { ReplyInput } from '../../spec/contract/endpoint.ts';
import type { showMachine as machineRow } from '../../spec/contract/machines.ts';
import type { Result } from '../../spec/errors.ts';
import { accept, refuse } from '../../spec/errors.ts';
import type { SignedIn } from '../accounts/authenticate.ts';
import type { Deps } from '../base/deps.ts';
import { iso } from '../base/iso.ts';
import type { MachineRow } from '../store/machines.ts';
import { conditionOf, findMachine } from '../store/machines.ts';

type MachineView = ReplyInput<typeof machineRow>['machine'];

/** A machine of the person, or any for an operator. Machines of others answer as unknown ones do. */
export async function findMachineForPerson(
  deps: Deps,
  user: SignedIn,
  machineId: string,
): Promise<Result<MachineRow, 'not_found'>> {
  const found = await findMachine(deps.db, machineId);
  if (found !== undefined && (found.userId === user.id || user.role === 'operator')) return accept(found);
  return refuse(
    'not_found',
    `There is no machine ${machineId}.`,
    'orp runner status shows the id of this machine; one that has never synced is not known: run orp runner sync.',
  );
}

export async function showMachine(
  deps: Deps,
  user: SignedIn,
  machineId: string,
): Promise<Result<MachineView, 'not_found'>> {
  const found = await findMachineForPerson(deps, user, machineId);
  return found.ok ? accept(viewMachine(found.value)) : found;
}

function viewMachine(machine: MachineRow): MachineView {
  const { listeningTransport: transport, listeningInstance: instance, listeningSince: since } = machine;
  return {
    id: machine.id,
    name: machine.name,
    lastSeenAt: new Date(machine.lastSeenAt).toISOString(),
    lastSyncAt: iso(machine.lastSyncAt),
    draining: machine.draining === 1,
    condition: viewCondition(machine),
    listening:
      transport === null || since === null
        ? undefined
        : { transport, instance: instance ?? 'unnamed', since: new Date(since).toISOString() },
  };
}

function viewCondition(machine: MachineRow): MachineView['condition'] {
  const condition = conditionOf(machine);
  return (
    condition && { ...condition, until: iso(condition.until), since: new Date(condition.since).toISOString() }
  );
}
