/** Lists the machines of every account, for operators. */

import type { listMachines as listRow } from '../../spec/contract/admin.ts';
import type { QueryOf, ReplyInput } from '../../spec/contract/endpoint.ts';
import { accept, type Result, refuse } from '../../spec/errors.ts';
import { isPaused } from '../../spec/job/condition.ts';
import { machineState } from '../../spec/overview/machine-state.ts';
import type { Deps } from '../base/deps.ts';
import { iso } from '../base/iso.ts';
import {
  type AdminMachineRow,
  countLive,
  type LastResult,
  type MachineJobs,
  readJobsOfMachines,
  readLastResults,
  readMachinePage,
  SCAN_LIMIT,
} from '../store/admin-reads.ts';
import { rowsOf } from '../store/database.ts';
import { conditionOf, reportOf, toPresence } from '../store/machines.ts';
import { endedLastHour, readLastHour } from './charts.ts';

export type AdminMachine = ReplyInput<typeof listRow>['machines'][number];
type MachinePage = Omit<ReplyInput<typeof listRow>, 'ok'>;

/** The maximum number of jobs that a row names. */
const NAMED_JOBS = 5;

/**
 * Returns a page of machines that match a filter. It reads a bounded number of machines, so a page may have fewer than
 * `limit` entries although more pages follow. If more pages follow, the page has a `nextCursor`.
 */
export async function readMachines(deps: Deps, query: QueryOf<typeof listRow>): Promise<MachinePage> {
  const { cursor, limit, ...filter } = query;
  const found = await deps.db.batch([
    readMachinePage({ ...filter, after: cursor, now: deps.now, limit: limit + 1 }),
    countLive(),
    readLastHour(deps.now),
  ]);
  const rows = rowsOf<AdminMachineRow | (AdminMachineRow & { id: null })>(found[0]);
  const { scanned = 0, lastId } = rows[0] ?? {};
  const matching = rows.filter((row): row is AdminMachineRow => row.id !== null);
  const page = matching.slice(0, limit);
  const { jobs, results } = await readWork(deps, page);
  const hasFull = matching.length > limit;
  const nextCursor = hasFull ? page.at(-1)?.id : scanned === SCAN_LIMIT ? (lastId ?? undefined) : undefined;
  return {
    machines: page.map((row) => viewMachine(row, { jobs, results, now: deps.now })),
    nextCursor,
    hasMore: nextCursor !== undefined,
    endedLastHour: endedLastHour(found[2]),
    live: liveCounts(rowsOf<{ status: keyof MachinePage['live']; count: number }>(found[1])),
  };
}

/** Finds a machine of any account. `showWithWork` adds its jobs, so that a page can read other data in the meantime. */
export async function findAnyMachine(deps: Deps, id: string): Promise<Result<AdminMachineRow, 'not_found'>> {
  const [row] = await deps.db.all<AdminMachineRow>(readMachinePage({ id, now: deps.now, limit: 1 }));
  if (row === undefined || row.id === null) {
    const hint = 'The console lists the machines of all accounts.';
    return refuse('not_found', `There is no machine ${id}.`, hint);
  }
  return accept(row);
}

export async function showWithWork(deps: Deps, row: AdminMachineRow): Promise<AdminMachine> {
  return viewMachine(row, { ...(await readWork(deps, [row])), now: deps.now });
}

/** Reads the jobs that the machines of a page hold, and how their last jobs ended. */
async function readWork(deps: Deps, page: readonly AdminMachineRow[]) {
  const userIds = [...new Set(page.map((row) => row.userId))];
  if (userIds.length === 0) return { jobs: [], results: [] };
  const [jobs, results] = await deps.db.batch([
    readJobsOfMachines(
      userIds,
      page.map((row) => row.id),
    ),
    readLastResults(userIds),
  ]);
  return { jobs: rowsOf<MachineJobs>(jobs), results: rowsOf<LastResult>(results) };
}

function liveCounts(rows: readonly { status: keyof MachinePage['live']; count: number }[]) {
  const counts = { queued: 0, dispatched: 0, running: 0, lost: 0 };
  for (const { status, count } of rows) counts[status] = count;
  return counts;
}

interface Work {
  jobs: readonly MachineJobs[];
  results: readonly LastResult[];
  now: number;
}

function viewMachine(row: AdminMachineRow, { jobs, results, now }: Work): AdminMachine {
  const { listeningTransport: transport, listeningSince: since, listeningInstance: instance } = row;
  const own = jobs.filter((job) => job.machineId === row.id);
  const held = own.filter(({ ids }) => ids !== null);
  const countOf = (groups: readonly MachineJobs[]) => groups.reduce((sum, { count }) => sum + count, 0);
  const current = held.flatMap(({ ids, status }) =>
    (JSON.parse(ids ?? '[]') as string[]).map((id) => ({ id, status })),
  );
  const last = results.find((one) => one.machineId === row.id);
  const condition = conditionOf(row);
  const presence = toPresence(row);
  return {
    id: row.id,
    name: row.name,
    account: { id: row.userId, email: row.email },
    platform: row.platform,
    version: row.appVersion,
    state: machineState(presence, now),
    draining: presence.draining,
    lastSeenAt: new Date(row.lastSeenAt).toISOString(),
    lastSyncAt: iso(row.lastSyncAt),
    listening:
      transport === null || since === null
        ? undefined
        : { transport, instance: instance ?? 'unnamed', since: new Date(since).toISOString() },
    condition:
      condition !== undefined && isPaused(condition, now)
        ? { ...condition, until: iso(condition.until), since: new Date(condition.since).toISOString() }
        : undefined,
    currentJobs: current.slice(0, NAMED_JOBS),
    heldCount: countOf(held),
    queuedCount: countOf(own) - countOf(held),
    lastCompletedAt: iso(last?.completedAt),
    lastFailedAt: iso(last?.failedAt),
    ...viewReport(row),
  };
}

function viewReport(row: AdminMachineRow): Pick<AdminMachine, 'spool' | 'agent' | 'reportedAt'> {
  const report = reportOf(row);
  if (report === undefined) return {};
  const { spool, agent, at } = report;
  return {
    ...(spool === undefined ? {} : { spool: { ...spool, oldestAt: iso(spool.oldestAt) } }),
    ...(agent === undefined ? {} : { agent }),
    reportedAt: new Date(at).toISOString(),
  };
}
