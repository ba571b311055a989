/** Records the owner of a machine and when it was last seen. Writes to D1 at most every eight minutes. */

import { SAID_CHANGES } from '../../spec/bounds.ts';
import { isSameCondition, type MachineCondition } from '../../spec/job/condition.ts';
import { isNotableReport, type MachineReport, storedReport } from '../../spec/job/report.ts';
import type { Deps } from '../base/deps.ts';
import { isPassingFailure } from '../base/failures.ts';
import type { BeatAnswer, MachineBeat, MachineOf, SaidOfMachine } from '../base/machine-api.ts';
import { BRIEF_WAIT_MS } from '../store/database.ts';
import {
  conditionOf,
  findMachine,
  type MachineRow,
  reportOf,
  SEEN_EVERY_MS,
  setListeningIfChanged,
  touchIfOwned,
} from '../store/machines.ts';
import type { LiveLeases } from './live-leases.ts';
import type { MachineAlarm } from './machine-alarm.ts';

/** The facts that an object remembers about its machine. */
interface Known {
  name: string;
  lastSeenAt: number;
  draining: boolean;
  condition: MachineCondition | undefined;
  report: MachineReport | undefined;
}

/**
 * Limits how often heartbeats may change the machine's row in D1. The count is in memory, so a new object begins with a full
 * burst.
 */
class SaidChanges {
  #left: number = SAID_CHANGES.burst;
  #countedAt = 0;

  /** Returns whether one more change may be written now, and counts it if so. */
  take(now: number): boolean {
    const earned = Math.floor((now - this.#countedAt) / SAID_CHANGES.everyMs);
    if (this.#left + earned >= SAID_CHANGES.burst) {
      this.#left = SAID_CHANGES.burst;
      this.#countedAt = now;
    } else if (earned > 0) {
      this.#left += earned;
      this.#countedAt += earned * SAID_CHANGES.everyMs;
    }
    if (this.#left === 0) return false;
    this.#left -= 1;
    return true;
  }
}

/** Handles the heartbeats of a machine, with a cache of the machine's facts. */
export class Heartbeats {
  readonly #parts: { machine: MachineOf; leases: LiveLeases; alarm: MachineAlarm };
  readonly #changes = new SaidChanges();
  #known: Known | undefined;

  constructor(parts: { machine: MachineOf; leases: LiveLeases; alarm: MachineAlarm }) {
    this.#parts = parts;
  }

  /** Clears the cache, because the machine has changed. The next heartbeat reads it again. */
  forget(): void {
    this.#known = undefined;
  }

  /** Records a heartbeat and renews its lease. Returns undefined if the machine belongs to another account. */
  async accept(deps: Deps, beat: MachineBeat): Promise<BeatAnswer | undefined> {
    const { machine, leases, alarm } = this.#parts;
    const [known, changes] = [this.#known, this.#changes];
    const alive = await noteAlive(deps, machine, { known, said: beat.said, changes });
    if (alive.kind === 'foreign') return undefined;
    this.#known = alive.kind === 'own' ? alive.known : undefined;
    const draining = this.#known?.draining ?? false;
    const { jobId, leaseId, isAsking } = beat;
    // Every job is handed out under a lease, so a heartbeat without a lease id does not hold the job.
    if (leaseId === undefined)
      return { lease: jobId === undefined ? undefined : { valid: false, reason: 'unknown' }, draining };
    const lease = await leases.renew(deps, { jobId, leaseId, isAsking });
    if (lease.valid) await alarm.arm(deps);
    return { lease, draining };
  }
}

/**
 * Records a heartbeat. Returns `foreign` if the machine belongs to another account; then nothing is written. Returns
 * `unknown` if the machine has never synced; only a sync registers a machine, so that heartbeats cannot fill the table.
 */
async function noteAlive(
  deps: Deps,
  machine: MachineOf,
  {
    known,
    said: { name, condition, report },
    changes,
  }: { known: Known | undefined; said: SaidOfMachine; changes: SaidChanges },
): Promise<{ kind: 'own'; known: Known } | { kind: 'foreign' | 'unknown' }> {
  // Read the drain again with every write to D1, because a notification of the object may have been lost.
  const isFresh = known !== undefined && deps.now - known.lastSeenAt < SEEN_EVERY_MS;
  const before = isFresh ? known : await readKnown(deps, machine).catch(orRemembered(known));
  if (before === 'foreign') return { kind: 'foreign' };
  if (before === undefined) return { kind: 'unknown' };
  const isSame = isSameCondition(condition, before.condition);
  const isDue = deps.now - before.lastSeenAt >= SEEN_EVERY_MS;
  const isChange =
    (name !== undefined && name !== before.name) || !isSame || isNotableReport(report, before.report);
  // If a change is not written now, the next heartbeat still differs from `before`, and the change is written then.
  if (!isDue && !(isChange && changes.take(deps.now))) return { kind: 'own', known: before };

  const userId = machine.userId as MachineRow['userId'];
  const after = {
    name: name ?? before.name,
    condition: isSame ? before.condition : condition && { ...condition, since: deps.now },
    report: storedReport(report, before.report, deps.now),
  };
  const seen = { ...after, id: machine.machineId, userId, now: deps.now };
  const owned = await touchIfOwned(deps.db.within(BRIEF_WAIT_MS), seen).catch(orRemembered(undefined));
  if (owned === undefined) return { kind: 'own', known: before };
  if (!owned) return { kind: 'unknown' };
  if (!isSame)
    deps.log('machine_condition', { machineId: machine.machineId, code: condition?.code ?? 'none' });
  return { kind: 'own', known: { ...after, lastSeenAt: deps.now, draining: before.draining } };
}

/** Uses the remembered value while D1 does not answer. The heartbeat is recorded when D1 answers again. */
function orRemembered<T>(known: T): (error: unknown) => T {
  return (error) => {
    if (isPassingFailure(error)) return known;
    throw error;
  };
}

async function readKnown(deps: Deps, machine: MachineOf): Promise<Known | 'foreign' | undefined> {
  const row = await findMachine(deps.db.within(BRIEF_WAIT_MS), machine.machineId);
  if (row === undefined) return undefined;
  if (row.userId !== machine.userId) return 'foreign';
  const { name, lastSeenAt } = row;
  return {
    name,
    lastSeenAt,
    draining: row.draining === 1,
    condition: conditionOf(row),
    report: reportOf(row),
  };
}

/** How a machine listens. */
export interface Listening {
  transport: 'ws' | 'sse';
  instance: string;
}

/**
 * Records how a machine listens. If the same channel opens again, nothing is written. `deps.now` is when the machine was last
 * seen.
 */
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
