/** Machines. Their linked repositories are in `linked-projects.ts`. */

import type { UserId } from '../../spec/ids.ts';
import type { RunnerAbilities } from '../../spec/job/abilities.ts';
import type { MachineCondition } from '../../spec/job/condition.ts';
import type { MachineReport } from '../../spec/job/report.ts';
import type { MachinePresence } from '../../spec/job/waiting.ts';
import { type Database, eachOf, raw, type Statement, sql } from './database.ts';
import { machines } from './schema.ts';
import { type RowOf, selectList } from './table.ts';

export type MachineRow = Omit<RowOf<typeof machines>, 'firstSeenAt' | 'staleAt' | 'visitAt'>;

/** The select list of a `MachineRow`. `prefix` names the table in a join. */
export function machineColumns(prefix = ''): string {
  return selectList(machines, { without: ['firstSeenAt', 'staleAt', 'visitAt'], prefix });
}

const COLUMNS = machineColumns();

const HOUR_MS = 60 * 60_000;

/**
 * How often cron visits a machine, by its transport (`ws` also if it does not listen). The end of a stream may not be
 * reported, so streams are checked more often.
 */
export const VISIT_EVERY_MS = { ws: 24 * HOUR_MS, sse: HOUR_MS } as const;

export function findMachine(db: Database, id: string): Promise<MachineRow | undefined> {
  return db.first<MachineRow>({ sql: `SELECT ${COLUMNS} FROM machines WHERE id = ?`, values: [id] });
}

/** Reads all machines of an account, or only the named ones. */
export function readMachinesOf(userId: string, ids?: readonly string[] | undefined): Statement {
  if (ids === undefined)
    return { sql: `SELECT ${COLUMNS} FROM machines WHERE user_id = ?`, values: [userId] };
  return sql`SELECT ${raw(COLUMNS)} FROM ${eachOf(ids)} one CROSS JOIN machines ON id = one.value AND user_id = ${userId}`;
}

export interface SeenMachine {
  id: string;
  userId: UserId;
  name: string;
  now: number;
}

export interface SyncedMachineRow extends SeenMachine {
  platform: string;
  appVersion: string;
  /** The maximum number of machines of the account. */
  limit: number;
}

/**
 * Registers or updates a machine that syncs. Returns false if it belongs to another account, or if it is new and the account
 * has reached its limit.
 */
export function upsertIfAllowed(db: Database, machine: SyncedMachineRow): Promise<boolean> {
  const { id, userId, name, platform, appVersion, now, limit } = machine;
  return db.write(sql`
    INSERT INTO machines (id, user_id, name, platform, app_version, first_seen_at, last_seen_at, last_sync_at,
      visit_at)
    SELECT ${id}, ${userId}, ${name}, ${platform}, ${appVersion}, ${now}, ${now}, ${now}, ${now + VISIT_EVERY_MS.ws}
    WHERE EXISTS (SELECT 1 FROM machines WHERE id = ${id})
      OR (SELECT count(*) FROM machines INDEXED BY machines_of_user WHERE user_id = ${userId}) < ${limit}
    ON CONFLICT (id) DO UPDATE SET name = ${name}, platform = ${platform}, app_version = ${appVersion},
      last_seen_at = max(last_seen_at, ${now}), stale_at = NULL, last_sync_at = ${now}
    WHERE machines.user_id = ${userId}`);
}

/**
 * Records a heartbeat of a machine that has synced, with its condition and report. Returns false if the machine belongs to
 * another account or is unknown.
 */
export function touchIfOwned(
  db: Database,
  {
    id,
    userId,
    name,
    now,
    condition,
    report,
  }: SeenMachine & { condition: MachineCondition | undefined; report: MachineReport | undefined },
): Promise<boolean> {
  return db.write(sql`
    UPDATE machines SET name = ${name}, condition = ${condition && JSON.stringify(condition)},
      report = ${report && JSON.stringify(report)}, last_seen_at = max(last_seen_at, ${now}), stale_at = NULL
    WHERE id = ${id} AND user_id = ${userId}`);
}

/** How old the recorded sign of life of a machine gets before the next one is recorded. Less than `OFFLINE_AFTER_MS`. */
export const SEEN_EVERY_MS = 8 * 60_000;

/** Records a sign of life if the recorded one is old. */
export function seeIfQuiet({ userId, machineId, now }: Omit<ListeningChange, 'listening'>): Statement {
  return sql`
    UPDATE machines SET last_seen_at = ${now}, stale_at = NULL
    WHERE id = ${machineId} AND user_id = ${userId} AND last_seen_at <= ${now - SEEN_EVERY_MS}`;
}

export interface ListeningChange {
  userId: string;
  machineId: string;
  listening: { transport: 'ws' | 'sse'; instance: string } | undefined;
  now: number;
}

/** Records how a machine listens. If transport and instance are the same, `since` stays and nothing is written. */
export function setListeningIfChanged(
  db: Database,
  { userId, machineId, listening, now }: ListeningChange,
): Promise<boolean> {
  const { transport, instance } = listening ?? {};
  // Set the column only if needed, because every assignment writes a row of its index.
  const isStream = transport === 'sse';
  return db.write(sql`
    UPDATE machines SET listening_transport = ${transport}, listening_instance = ${instance},
      ${isStream ? sql`visit_at = min(visit_at, ${now + VISIT_EVERY_MS.sse}),` : raw('')}
      listening_since = ${listening === undefined ? undefined : now}, last_seen_at = max(last_seen_at, ${now}), stale_at = NULL
    WHERE id = ${machineId} AND user_id = ${userId}
      AND (listening_transport IS NOT ${transport} OR listening_instance IS NOT ${instance})`);
}

/** Returns the last reported condition of a machine. */
export function conditionOf({ condition }: Pick<MachineRow, 'condition'>): MachineCondition | undefined {
  return condition === null ? undefined : (JSON.parse(condition) as MachineCondition);
}

/** Returns the last report of a machine's runner about its spool and agent. */
export function reportOf({ report }: Pick<MachineRow, 'report'>): MachineReport | undefined {
  return report === null ? undefined : (JSON.parse(report) as MachineReport);
}

/** Returns the abilities that a machine's runner last announced. */
export function abilitiesOf({ abilities }: Pick<MachineRow, 'abilities'>): RunnerAbilities | undefined {
  return abilities === null ? undefined : (JSON.parse(abilities) as RunnerAbilities);
}

/** Returns the abilities that the runners of these machines last announced. */
export function abilitiesByMachine(rows: readonly MachineRow[]): Map<string, RunnerAbilities | undefined> {
  return new Map(rows.map((row) => [row.id, abilitiesOf(row)]));
}

/** The text form of abilities, for storage and comparison. */
export function abilitiesText(abilities: RunnerAbilities | undefined): string | null {
  const { kinds, agents } = abilities ?? {};
  return kinds === undefined && agents === undefined ? null : JSON.stringify({ kinds, agents });
}

/** Records the abilities of a machine's runner. Writes nothing if they are unchanged. */
export function setAbilitiesIfOther(
  db: Database,
  { userId, machineId, abilities }: { userId: string; machineId: string; abilities: string | null },
): Promise<boolean> {
  return db.write(sql`
    UPDATE machines SET abilities = ${abilities}
    WHERE id = ${machineId} AND user_id = ${userId} AND abilities IS NOT ${abilities}`);
}

/** Converts the row for the waiting rule. */
export function toPresence(row: MachineRow): MachinePresence {
  return {
    machineId: row.id,
    name: row.name,
    lastSeenAt: row.lastSeenAt,
    listening: row.listeningTransport !== null,
    draining: row.draining === 1,
    condition: conditionOf(row),
    abilities: abilitiesOf(row),
  };
}

/** Reads the machines of an account: listening machines first, then the most recently seen. */
export function readRecentMachines(userId: string, limit: number): Statement {
  return sql`
    SELECT id FROM machines WHERE user_id = ${userId}
    ORDER BY listening_transport IS NULL, last_seen_at DESC LIMIT ${limit}`;
}

/** A person's order that a machine may or may not claim, with an entry in the audit log under the same guard. */
export interface DrainOrder {
  userId: string;
  machineId: string;
  isDraining: boolean;
  now: number;
  actor: string;
  source: string;
  reason: string | undefined;
}

/** Carries out the order. Returns false if the machine already has the requested state. */
export async function setDrainingIfOther(db: Database, order: DrainOrder): Promise<boolean> {
  const { userId, machineId, isDraining } = order;
  const draining = isDraining ? 1 : 0;
  // The last part prevents a late order from undoing a newer order.
  const guard = sql`
    id = ${machineId} AND user_id = ${userId} AND draining <> ${draining}
    AND NOT EXISTS (SELECT 1 FROM audit_log later WHERE later.user_id = ${userId} AND later.subject = ${machineId}
      AND later.at > ${order.now} AND later.action IN ('drain', 'resume'))`;
  const results = await db.batch([
    {
      sql: `INSERT OR IGNORE INTO audit_log (at, user_id, actor, source, action, subject, detail)
            SELECT ?, user_id, ?, ?, ?, id, ? FROM machines WHERE ${guard.sql}`,
      values: [
        order.now,
        order.actor,
        order.source,
        isDraining ? 'drain' : 'resume',
        order.reason,
        ...guard.values,
      ],
    },
    { sql: `UPDATE machines SET draining = ? WHERE ${guard.sql}`, values: [draining, ...guard.values] },
  ]);
  return (results[1]?.changes ?? 0) > 0;
}
