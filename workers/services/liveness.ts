/** Whose machine it is, and that it is alive. D1 hears of it at most every five minutes. */

import type { Deps } from '../deps.ts';
import type { MachineRow } from '../store/machines.ts';
import { findMachine, touchIfOwned } from '../store/machines.ts';
import type { MachineOf } from './live-leases.ts';

export const RECORD_EVERY_MS = 5 * 60_000;

/** What an object remembers of its machine. */
export interface Known {
  name: string;
  lastSeenAt: number;
  draining: boolean;
}

/**
 * Records a sign of life. `foreign`: the machine belongs to another account, and nothing was written. `unknown`: it has
 * never synced; only a sync registers a machine, so that heartbeats cannot fill the table.
 */
export async function noteAlive(
  deps: Deps,
  machine: MachineOf,
  { known, name }: { known: Known | undefined; name: string | undefined },
): Promise<{ kind: 'own'; known: Known } | { kind: 'foreign' | 'unknown' }> {
  // What was told to an object in between may have been lost: whether to drain is read again whenever D1 is told.
  const isFresh = known !== undefined && deps.now - known.lastSeenAt < RECORD_EVERY_MS;
  const before = isFresh ? known : await readKnown(deps, machine);
  if (before === 'foreign') return { kind: 'foreign' };
  if (before === undefined) return { kind: 'unknown' };
  const isNews =
    deps.now - before.lastSeenAt >= RECORD_EVERY_MS || (name !== undefined && name !== before.name);
  if (!isNews) return { kind: 'own', known: before };

  const userId = machine.userId as MachineRow['userId'];
  const seen = { id: machine.machineId, userId, name: name ?? before.name, now: deps.now };
  const owned = await touchIfOwned(deps.db, seen);
  if (!owned) return { kind: 'unknown' };
  return { kind: 'own', known: { name: seen.name, lastSeenAt: deps.now, draining: before.draining } };
}

async function readKnown(deps: Deps, machine: MachineOf): Promise<Known | 'foreign' | undefined> {
  const row = await findMachine(deps.db, machine.machineId);
  if (row === undefined) return undefined;
  if (row.userId !== machine.userId) return 'foreign';
  return { name: row.name, lastSeenAt: row.lastSeenAt, draining: row.draining === 1 };
}
