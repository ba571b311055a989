/** Handles the alarm of a machine's object. Safe to run twice. */

import type { Deps } from '../base/deps.ts';
import { isSilence } from '../base/failures.ts';
import type { MachineOf } from '../base/machine-api.ts';
import { sweepMachine } from '../leases/sweep.ts';
import type { Presence } from './announcements.ts';
import { tellWatchers } from './channel/channels.ts';
import type { LiveLeases } from './live-leases.ts';
import type { MachineAlarm } from './machine-alarm.ts';
import type { ClaimGate } from './quiet-queue.ts';

/** After this many failures in a row, the alarm sets itself again, because the platform gives up after six. */
const ALARM_RETRY_LIMIT = 4;

interface Parts {
  state: DurableObjectState;
  machine: MachineOf;
  leases: LiveLeases;
  gate: ClaimGate;
  alarm: MachineAlarm;
  presence: Presence;
}

/** Reclaims expired leases, announces due jobs, repairs presence, and sets the next alarm if anything is left. */
export async function onAlarm(parts: Parts, deps: Deps, retryCount: number): Promise<void> {
  const { machine, leases, gate, alarm, presence } = parts;
  const { machineId } = machine;
  try {
    await reclaimExpired(parts, deps);
    if (gate.takeDue(deps.now)) presence.wake();
    await presence.repair();
    await alarm.arm(deps);
  } catch (error) {
    if (isSilence(error)) {
      // While D1 does not answer, no lease can be reclaimed, and retries of the platform would not help.
      leases.spare(deps.now);
      deps.log('alarm_postponed', { machineId });
    } else {
      if (retryCount < ALARM_RETRY_LIMIT) throw error;
      deps.log('alarm_failed', { machineId, message: String(error) });
    }
    await alarm.ringAgain(deps.now);
  }
}

async function reclaimExpired({ state, machine, leases, presence }: Parts, deps: Deps): Promise<void> {
  const deadlines = await leases.deadlines(deps);
  if (![...deadlines.values()].some((deadline) => deadline <= deps.now)) return;
  for (const { jobId, leaseId } of await sweepMachine(deps, machine, deadlines)) {
    presence.tell({ event: 'lease.lost', data: { jobId, leaseId, reason: 'expired' } });
    tellWatchers(state, jobId, { kind: 'moved' });
  }
  await leases.settle(deps);
}
