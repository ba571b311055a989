/** The reads of operators over all accounts. Every statement reads a bounded number of rows. */

import { TRANSITIONS } from '../../spec/job/status.ts';
import { OFFLINE_AFTER_MS } from '../../spec/job/waiting.ts';
import { ASLEEP_MS, type MachineState } from '../../spec/overview/machine-state.ts';
import { join, raw, type Statement, sql } from './database.ts';
import { mayBe, statusIn } from './guard.ts';
import { LIVE_OF_ALL } from './job-row.ts';
import type { MachineRow } from './machines.ts';
import { machineColumns } from './machines.ts';

export interface MachineFilter {
  /** A text that the id, the name or the e-mail address must contain. */
  q?: string | undefined;
  /** The id or the e-mail address of an account. */
  account?: string | undefined;
  state?: MachineState | undefined;
  version?: string | undefined;
  platform?: string | undefined;
  /** Selects only this machine. */
  id?: string | undefined;
  /** The page begins after this machine id. */
  after?: string | undefined;
  now: number;
  limit: number;
}

export type AdminMachineRow = MachineRow & { email: string; scanned: number; lastId: string };

/** The number of machines that one page reads, including machines that the filter removes. */
export const SCAN_LIMIT = 1000;

/**
 * Reads a page of machines in the order of their ids. It reads at most `SCAN_LIMIT` machines. Every returned row contains
 * the number of read machines and the id of the last one. If no machine matches, it returns one row with a NULL id.
 */
export function readMachinePage(filter: MachineFilter): Statement {
  const { id, q, account, version, platform, after = '', limit } = filter;
  const own = sql` AND m.user_id = (SELECT id FROM users WHERE id = ${account} OR email = lower(${account}))`;
  const chosen = [
    ...(q === undefined
      ? []
      : [sql`instr(lower(s.id || char(10) || s.name || char(10) || s.email), lower(${q})) > 0`]),
    ...(version === undefined ? [] : [sql`s.appVersion = ${version}`]),
    ...(platform === undefined ? [] : [sql`s.platform = ${platform}`]),
    ...(filter.state === undefined ? [] : [stateIs(filter.state, filter.now)]),
  ];
  const scanLimit = chosen.length === 0 ? limit : SCAN_LIMIT;
  return sql`
    WITH scan AS (
      SELECT ${raw(machineColumns('m.'))}, u.email AS email FROM machines m JOIN users u ON u.id = m.user_id
      WHERE ${id === undefined ? sql`m.id > ${after}` : sql`m.id = ${id}`}${account === undefined ? raw('') : own} ORDER BY m.id LIMIT ${scanLimit}),
    seen AS (SELECT count(*) AS scanned, max(id) AS lastId FROM scan)
    SELECT s.*, seen.scanned, seen.lastId FROM seen LEFT JOIN scan s ON ${join([raw('true'), ...chosen], ' AND ')}
    ORDER BY s.id LIMIT ${limit}`;
}

/** The condition that `machineState` would return this state, written in SQL. */
function stateIs(state: MachineState, now: number): Statement {
  const unheard = sql`s.listeningTransport IS NULL AND s.lastSeenAt <= ${now - OFFLINE_AFTER_MS}`;
  if (state === 'draining') return raw('s.draining = 1');
  if (state === 'online') return sql`s.draining = 0 AND NOT (${unheard})`;
  const long = sql`s.lastSeenAt <= ${now - ASLEEP_MS}`;
  return state === 'silent'
    ? sql`s.draining = 0 AND ${unheard} AND ${long}`
    : sql`s.draining = 0 AND ${unheard} AND NOT (${long})`;
}

/** The live jobs of one status that a machine holds, or that name the machine. */
export interface MachineJobs {
  machineId: string;
  status: 'queued' | 'dispatched' | 'running' | 'lost';
  count: number;
  /** JSON array of the ids of these jobs. NULL for queued jobs, because there may be thousands. */
  ids: string | null;
}

/** The maximum number of live jobs that a page reads. */
export const ACCOUNT_JOBS_LIMIT = 2000;

export function readJobsOfMachines(userIds: readonly string[], machineIds: readonly string[]): Statement {
  return sql`
    SELECT machineId, status, count(*) AS count, CASE WHEN NOT ${raw(mayBe('claim'))} THEN json_group_array(id) END AS ids
    FROM (
      SELECT coalesce(machine_id, target_machine_id) AS machineId, id, status FROM jobs INDEXED BY jobs_live
      WHERE user_id IN (SELECT value FROM json_each(${JSON.stringify(userIds)})) AND finished_at IS NULL
      LIMIT ${ACCOUNT_JOBS_LIMIT})
    WHERE machineId IN (SELECT value FROM json_each(${JSON.stringify(machineIds)})) GROUP BY machineId, status`;
}

/** The last result of a machine is searched for among this many newest jobs of its account. */
const NEWEST_JOBS = 20;

export interface LastResult {
  machineId: string;
  completedAt: number | null;
  failedAt: number | null;
}

export function readLastResults(userIds: readonly string[]): Statement {
  const ended = (verb: 'complete' | 'fail') =>
    raw(`max(CASE WHEN ${statusIn([TRANSITIONS[verb].to], 'j.')} THEN j.finished_at END)`);
  const [completed, failed] = [ended('complete'), ended('fail')];
  return sql`
    SELECT j.machine_id AS machineId, ${completed} AS completedAt, ${failed} AS failedAt
    FROM json_each(${JSON.stringify(userIds)}) u CROSS JOIN jobs j ON j.user_id = u.value AND j.id IN (
      SELECT id FROM jobs WHERE user_id = u.value ORDER BY id DESC LIMIT ${NEWEST_JOBS})
    WHERE j.machine_id IS NOT NULL AND j.finished_at IS NOT NULL GROUP BY j.machine_id`;
}

/** The maximum number of live jobs that are counted, over all accounts. */
export const LIVE_COUNTED = 10_000;

/** Counts the live jobs of all accounts by status. */
export function countLive(): Statement {
  return sql`
    SELECT status, count(*) AS count FROM (SELECT j.status FROM ${raw(LIVE_OF_ALL)} LIMIT ${LIVE_COUNTED})
    GROUP BY status`;
}
