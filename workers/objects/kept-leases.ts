/** Stores the leases of a machine outside the memory of its object, so that they survive when the memory is lost. */

import {
  canKeepLeases,
  channelOf,
  hasRunner,
  keepLeases,
  keptLeases,
  type SocketState,
} from './channel/channels.ts';
import type { LeaseMemo, Remembered } from './live-leases.ts';

/**
 * The leases in the storage of an object. A row is written only while D1 does not answer, when a channel that kept leases
 * ends, and for a revoked lease. All leases are in one row. Ended leases stay in it until the next write, because removing
 * them would cost another one. D1 stays the authority.
 */
export class StoredLeases implements LeaseMemo {
  readonly isFree = false;
  /** An object without a channel stays in memory for longer than the pause between two heartbeats. */
  readonly isLasting = true;
  readonly #sql: SqlStorage;
  readonly #transcript: { has(leaseId: string): boolean };

  constructor(sql: SqlStorage, transcript: { has(leaseId: string): boolean }) {
    this.#sql = sql;
    this.#transcript = transcript;
    sql.exec('CREATE TABLE IF NOT EXISTS lease_memo (id INTEGER PRIMARY KEY, leases TEXT NOT NULL)');
  }

  hasOutput(leaseId: string): boolean {
    return this.#transcript.has(leaseId);
  }

  read(): Remembered[] | undefined {
    const [row] = this.#sql.exec<{ leases: string }>('SELECT leases FROM lease_memo WHERE id = 1').toArray();
    return row && (JSON.parse(row.leases) as Remembered[]);
  }

  write(leases: readonly Remembered[]): void {
    this.#sql.exec(
      `INSERT INTO lease_memo (id, leases) VALUES (1, ?1)
       ON CONFLICT (id) DO UPDATE SET leases = ?1 WHERE leases IS NOT ?1`,
      JSON.stringify(leases),
    );
  }
}

/** Keeps leases with the open WebSocket of the runner, or else in the storage of the object. */
export class KeptLeases implements LeaseMemo {
  readonly #state: SocketState;
  readonly #stored: StoredLeases;

  constructor(state: SocketState, stored: StoredLeases) {
    this.#state = state;
    this.#stored = stored;
  }

  get isFree(): boolean {
    return canKeepLeases(this.#state);
  }

  /** Between the heartbeats of a runner on SSE, the object hibernates, and the stream cannot keep leases. */
  get isLasting(): boolean {
    return this.isFree || !hasRunner(this.#state);
  }

  hasOutput(leaseId: string): boolean {
    return this.#stored.hasOutput(leaseId);
  }

  read(): Remembered[] | undefined {
    return (keptLeases(this.#state) as Remembered[] | undefined) ?? this.#stored.read();
  }

  write(leases: readonly Remembered[]): void {
    if (!keepLeases(this.#state, leases)) this.#stored.write(leases);
  }

  /**
   * Call this when a channel has ended. The leases that the channel has kept would be lost with the channel. Returns whether the channel
   * has kept a lease.
   */
  save(ended: WebSocket): boolean {
    const channel = channelOf(ended);
    const leases = channel?.role === 'runner' ? channel.leases : undefined;
    if (leases === undefined) return false;
    const isNeeded = leases.length > 0 || (this.#stored.read()?.length ?? 0) > 0;
    if (isNeeded && keptLeases(this.#state) === undefined) this.write(leases as Remembered[]);
    return leases.length > 0;
  }
}
