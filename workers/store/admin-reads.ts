/** What operators read over all accounts. Every statement has a bound on the rows that it reads. */

import { TRANSITIONS } from '../../spec/job/status.ts';
import { OFFLINE_AFTER_MS } from '../../spec/job/waiting.ts';
import { ASLEEP_MS, type MachineState } from '../../spec/overview/machine-state.ts';
import { join, raw, type Statement, sql } from './database.ts';
import { statusIn } from './guard.ts';
import type { MachineRow } from './machines.ts';
import { machineColumns } from './machines.ts';
import { LIVE_OF_ALL } from './sweeps.ts';

export interface MachineFilter {
  /** In the id, the name or the e-mail address. */
  q?: string | undefined;
  /** The id or the e-mail address of an account. */
  account?: string | undefined;
  state?: MachineState | undefined;
  version?: string | undefined;
  platform?: string | undefined;
  /** Machines after this id. */
  after?: string | undefined;
  now: number;
  limit: number;
}

export type AdminMachineRow = MachineRow & { email: string; scanned: number; lastId: string };

/** Machines that one page looks at, whatever its filter keeps of them. */
export const SCAN_LIMIT = 1000;

/**
 * A page of machines in the order of their ids. It looks at `SCAN_LIMIT` machines at most; every row says how many it
 * looked at and which was the last. A page that keeps none of them still returns one row, with a NULL id.
 */
export function readMachinePage(filter: MachineFilter): Statement {
  const { q, account, version, platform, after = '', limit } = filter;
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
      WHERE m.id > ${after}${account === undefined ? raw('') : own} ORDER BY m.id LIMIT ${scanLimit}),
    seen AS (SELECT count(*) AS scanned, max(id) AS lastId FROM scan)
    SELECT s.*, seen.scanned, seen.lastId FROM seen LEFT JOIN scan s ON ${join([raw('true'), ...chosen], ' AND ')}
    ORDER BY s.id LIMIT ${limit}`;
}

/** As `machineState`, over the columns of a row. */
function stateIs(state: MachineState, now: number): Statement {
  const unheard = sql`s.listeningTransport IS NULL AND s.lastSeenAt <= ${now - OFFLINE_AFTER_MS}`;
  if (state === 'draining') return raw('s.draining = 1');
  if (state === 'online') return sql`s.draining = 0 AND NOT (${unheard})`;
  const long = sql`s.lastSeenAt <= ${now - ASLEEP_MS}`;
  return state === 'silent'
    ? sql`s.draining = 0 AND ${unheard} AND ${long}`
    : sql`s.draining = 0 AND ${unheard} AND NOT (${long})`;
}

/** A live job that a machine holds or that names it. */
export interface MachineJob {
  machineId: string;
  id: string;
  status: 'queued' | 'dispatched' | 'running' | 'lost';
}

/** Live jobs of these accounts that a page looks at. */
export const ACCOUNT_JOBS_LIMIT = 2000;

export function readJobsOfMachines(userIds: readonly string[]): Statement {
  return sql`
    SELECT * FROM (
      SELECT coalesce(machine_id, target_machine_id) AS machineId, id, status FROM jobs INDEXED BY jobs_live
      WHERE user_id IN (SELECT value FROM json_each(${JSON.stringify(userIds)})) AND finished_at IS NULL
      LIMIT ${ACCOUNT_JOBS_LIMIT}) WHERE machineId IS NOT NULL`;
}

/** The newest jobs of each account among which the last result of a machine is looked for. */
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

/** Live jobs of all accounts that are counted. */
export const LIVE_COUNTED = 10_000;

/** Live jobs by status. */
export function countLive(): Statement {
  return sql`
    SELECT status, count(*) AS count FROM (SELECT j.status FROM ${raw(LIVE_OF_ALL)} LIMIT ${LIVE_COUNTED})
    GROUP BY status`;
}
