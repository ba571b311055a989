/**
 * What an object keeps of its leases beside its memory, which goes within seconds: enough to renew them and to take in
 * their output while D1 does not answer. D1 stays the authority. Leases that ended as their holder knows stay until the
 * next claim, because removing them would cost a row.
 */

import type { LeaseMemo, Remembered } from './live-leases.ts';

/** One row, so that a claim writes one. */
export class StoredLeases implements LeaseMemo {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec('CREATE TABLE IF NOT EXISTS lease_memo (id INTEGER PRIMARY KEY, leases TEXT NOT NULL)');
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
