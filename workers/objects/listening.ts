/** Whether a machine can be woken: a fact of its own, beside when it was last heard of. Written only when it changes. */

import type { Deps } from '../base/deps.ts';
import type { MachineOf } from '../base/machine-api.ts';
import { setListeningIfChanged } from '../store/machines.ts';
import { claimJob } from './claim.ts';

/** How a machine listens. */
export interface Listening {
  transport: 'ws' | 'sse';
  instance: string;
}

/** Records a change; the same channel opened again writes nothing. `now` of the deps: when the machine was heard. */
export async function recordListening(
  deps: Deps,
  machine: MachineOf,
  listening: Listening | undefined,
): Promise<void> {
  const changed = await setListeningIfChanged(deps.db, { ...machine, listening, now: deps.now });
  if (changed) {
    const fields = {
      machineId: machine.machineId,
      transport: listening?.transport,
      instance: listening?.instance,
    };
    deps.log(listening ? 'machine_listening' : 'machine_not_listening', fields);
  }
}

/** What an opening channel must know. `nextAt`: when a job known today comes due. */
export type Found =
  | { kind: 'work' | 'unknown_machine' | 'foreign_machine' }
  | { kind: 'idle'; nextAt: number | undefined };

/** Whose machine it is, and whether there is work already, or later. Claims nothing. */
export async function lookForChannel(deps: Deps, machine: MachineOf): Promise<Found> {
  const outcome = await claimJob(deps, { ...machine, dryRun: true, mayHold: true });
  switch (outcome.kind) {
    case 'claimed':
    case 'would_claim':
      return { kind: 'work' };
    default:
      return outcome;
  }
}
