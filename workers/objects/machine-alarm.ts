/** The alarm of a machine's object. It rings when a lease expires or an announcement becomes due. */

import { LEASE_MS } from '../../spec/job/lease.ts';
import type { Deps } from '../base/deps.ts';
import type { LiveLeases } from './live-leases.ts';
import type { ClaimGate } from './quiet-queue.ts';

/** The alarm may be late by this time. An alarm that is already set within it is not moved. */
const ALARM_SLACK_MS = 1000;
const ALARM_RETRY_MS = 30_000;
/**
 * How late the alarm for a lease may be while the channel of the runner is open. When the channel ends, the alarm is set precisely, and
 * cron finds an expired lease within a minute. So one alarm, which writes a row, serves several short jobs.
 */
const CHANNEL_SLACK_MS = LEASE_MS;

interface Parts {
  storage: Pick<DurableObjectStorage, 'getAlarm' | 'setAlarm'>;
  leases: LiveLeases;
  gate: ClaimGate;
  /** Returns whether the end of the runner would be noticed, because its channel would end. */
  hasChannel(): boolean;
}

export class MachineAlarm {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Sets the alarm for the earliest lease or announcement. */
  async arm(deps: Deps): Promise<void> {
    const { leases, gate } = this.#parts;
    const deadline = (await leases.earliestDeadline(deps)) ?? Number.POSITIVE_INFINITY;
    // The last sweep could not end a lease after its deadline. An immediate alarm would loop.
    const leaseAt = deadline <= deps.now ? deps.now + ALARM_RETRY_MS : this.#lateBy(deadline);
    const at = Math.min(leaseAt, gate.earliestDue());
    if (Number.isFinite(at)) await this.#ringBy(at);
  }

  /** Sets the alarm for a lease that is being handed out. */
  expectLease(expiresAt: number): Promise<void> {
    return this.#ringBy(this.#lateBy(expiresAt));
  }

  #lateBy(deadline: number): number {
    return this.#parts.hasChannel() ? deadline + CHANNEL_SLACK_MS : deadline;
  }

  /** Announces at `at` that a job has become claimable, and wakes the gate. */
  async wakeAt(at: number): Promise<void> {
    this.#parts.gate.wakeAt(at);
    await this.#ringBy(at);
  }

  /** Announces a job that a read of the queue has found and that becomes due later, even if its `wakeAt` was lost. */
  async announceAt(at: number | undefined, now: number): Promise<void> {
    if (at === undefined || at <= now) return;
    this.#parts.gate.announceAt(at);
    await this.#ringBy(at);
  }

  /** Sets the alarm to ring soon, because a step failed and must be repeated. */
  ringSoon(now: number): Promise<void> {
    return this.#ringBy(now + ALARM_RETRY_MS);
  }

  /** Rings again after the alarm itself has failed. Replaces the retries of the platform. */
  ringAgain(now: number): Promise<void> {
    return this.#parts.storage.setAlarm(now + ALARM_RETRY_MS);
  }

  /** Moves the alarm only to an earlier time, because each move writes a row. */
  async #ringBy(at: number): Promise<void> {
    const { storage } = this.#parts;
    const armed = await storage.getAlarm();
    if (armed === null || armed > at + ALARM_SLACK_MS) await storage.setAlarm(at);
  }
}
