/** The presence of a machine: when it was last seen, and whether it can be woken. */

import type { ReplyInput } from '../../spec/contract/endpoint.ts';
import type { showMachine as machineRow } from '../../spec/contract/machines.ts';
import { accept, type Result, refuse } from '../../spec/errors.ts';
import type { SignedIn } from '../accounts/authenticate.ts';
import type { Deps } from '../base/deps.ts';
import { iso } from '../base/iso.ts';
import { conditionOf, findMachine, type MachineRow, setDrainingIfOther } from '../store/machines.ts';

type MachineView = ReplyInput<typeof machineRow>['machine'];

/** A machine of the person, or any machine for an operator. Machines of other accounts answer like unknown ones. */
async function findMachineForPerson(
  deps: Deps,
  user: SignedIn,
  machineId: string,
): Promise<Result<MachineRow, 'not_found'>> {
  const found = await findMachine(deps.db, machineId);
  if (found !== undefined && (found.userId === user.id || user.role === 'operator')) return accept(found);
  return refuse(
    'not_found',
    `There is no machine ${machineId}.`,
    'orp runner status shows the id of this machine. The server knows a machine after orp runner sync.',
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

/**
 * An order that starts or ends the drain of a machine. A drained machine finishes its jobs and stops claiming. The order is
 * written to D1 first, then sent to the object and the channel.
 */
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

/** Allowed for the owner and for operators. Machines of other accounts answer like unknown ones. */
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
  // Notify again after a repeated order, because the first notification may have been lost like the answer.
  void deps.machines.tell({ userId, machineId }, async (stub) => stub.drain(isDraining));
  return accept({ machine: { id: machineId, name, draining: isDraining }, changed });
}
