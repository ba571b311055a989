/** The one alarm of a machine's object: for the leases that expire and for the announcements that become due. */

import type { Deps } from '../base/deps.ts';
import type { LiveLeases } from './live-leases.ts';
import type { ClaimGate } from './quiet-queue.ts';

/** The alarm may be this late; an alarm that is already set that close is left alone. */
const ALARM_SLACK_MS = 1000;
const ALARM_RETRY_MS = 30_000;

interface Parts {
  storage: Pick<DurableObjectStorage, 'getAlarm' | 'setAlarm'>;
  leases: LiveLeases;
  gate: ClaimGate;
}

export class MachineAlarm {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Sets it for the earliest lease or announcement. */
  async arm(deps: Deps): Promise<void> {
    const { leases, gate } = this.#parts;
    const deadline = (await leases.earliestDeadline(deps)) ?? Number.POSITIVE_INFINITY;
    // A sweep has just failed to end a lease that is past its deadline: an alarm at once would loop.
    const leaseAt = deadline <= deps.now ? deps.now + ALARM_RETRY_MS : deadline;
    const at = Math.min(leaseAt, gate.earliestDue());
    if (Number.isFinite(at)) await this.#ringBy(at);
  }

  /** Something becomes claimable at `at`: wakes the gate and announces it then. */
  async wakeAt(at: number): Promise<void> {
    this.#parts.gate.wakeAt(at);
    await this.#ringBy(at);
  }

  /** A read of the queue saw a job that becomes due: it is announced even if its `wakeAt` was lost. */
  async announceAt(at: number | undefined, now: number): Promise<void> {
    if (at === undefined || at <= now) return;
    this.#parts.gate.announceAt(at);
    await this.#ringBy(at);
  }

  /** Rings soon: something failed and is to be repeated. */
  ringSoon(now: number): Promise<void> {
    return this.#ringBy(now + ALARM_RETRY_MS);
  }

  /** Rings again although the alarm itself failed: replaces the retries of the platform. */
  ringAgain(now: number): Promise<void> {
    return this.#parts.storage.setAlarm(now + ALARM_RETRY_MS);
  }

  /** Moves the alarm only to an earlier time: each move is a row. */
  async #ringBy(at: number): Promise<void> {
    const { storage } = this.#parts;
    const armed = await storage.getAlarm();
    if (armed === null || armed > at + ALARM_SLACK_MS) await storage.setAlarm(at);
  }
}
