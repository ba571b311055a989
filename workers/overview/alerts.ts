/** Reads the facts for the alerts of operators, and applies the rules to them. */

import type { listAlerts as alertsRow } from '../../spec/contract/admin.ts';
import type { ReplyInput } from '../../spec/contract/endpoint.ts';
import type { UserId } from '../../spec/ids.ts';
import type { MachineReport } from '../../spec/job/report.ts';
import type { Waiting } from '../../spec/job/waiting.ts';
import {
  ALERT_KINDS,
  type Alert,
  type AlertJob,
  type AlertKind,
  alertsOf,
  MANY_RETRIES,
  type VersionCount,
} from '../../spec/overview/alerts.ts';
import type { Deps } from '../base/deps.ts';
import { toSurroundings, waitingOf } from '../jobs/job-view.ts';
import {
  type AlertJobRow,
  readAllLost,
  readBacklogs,
  readDoubtfulJobs,
  readVersions,
  type SpoolRow,
} from '../store/alert-reads.ts';
import { rowsOf } from '../store/database.ts';
import { targetOf } from '../store/job-row.ts';
import { linksOf, readLinks } from '../store/linked-projects.ts';
import { readMachinesOf } from '../store/machines.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** A job that has been due for less time than this raises no alert, because a machine may be about to claim it. */
export const DUE_MS = MINUTE_MS;
const JOBS_LIMIT = 150;
const SPOOL_LIMIT = 100;
/** The maximum number of accounts whose linked repositories are read. */
const ACCOUNTS_LIMIT = 20;
/** The maximum number of alerts in one answer. */
const SHOWN = 100;

export interface Alerts {
  alerts: Alert[];
  counts: Record<AlertKind, number>;
  /** True if there may be more alerts than the server found or shows. */
  hasMore: boolean;
}

/** Makes one round trip to D1, and a second one only if some jobs have been due for a while. */
export async function readAlerts(deps: Deps): Promise<Alerts> {
  const { now } = deps;
  const [lost, doubtful, spools, versions] = await deps.db.batch([
    readAllLost(JOBS_LIMIT),
    readDoubtfulJobs(now, { dueBefore: now - DUE_MS, attempts: MANY_RETRIES, limit: JOBS_LIMIT }),
    readBacklogs(SPOOL_LIMIT),
    readVersions(now - DAY_MS),
  ]);
  const rows = new Map(
    [...rowsOf<AlertJobRow>(lost), ...rowsOf<AlertJobRow>(doubtful)].map((row) => [row.id, row]),
  );
  const waiting = await waitingOfDue(deps, [...rows.values()]);
  const all = alertsOf({
    now,
    jobs: [...rows.values()].map((row) => toFacts(row, waiting.get(row.id))),
    machines: rowsOf<SpoolRow>(spools).map(({ id, name, userId, email, report }) => ({
      id,
      name,
      owner: { id: userId, email },
      report: JSON.parse(report) as MachineReport,
    })),
    versions: rowsOf<VersionCount>(versions),
  });
  const counts = Object.fromEntries(
    ALERT_KINDS.map((kind) => [kind, all.filter((alert) => alert.kind === kind).length]),
  ) as Alerts['counts'];
  const isFull = [lost, doubtful].some((result) => (result?.rows.length ?? 0) === JOBS_LIMIT);
  return { alerts: all.slice(0, SHOWN), counts, hasMore: isFull || all.length > SHOWN };
}

function toFacts(row: AlertJobRow, waiting: Waiting | undefined): AlertJob {
  const { id, status, attempt, updatedAt, leaseExpiresAt, dependsOn, machineName, machineSeenAt } = row;
  return {
    id,
    owner: { id: row.userId, email: row.email },
    status,
    attempt,
    updatedAt,
    leaseExpiresAt: leaseExpiresAt ?? undefined,
    machine:
      dependsOn === null
        ? undefined
        : {
            id: dependsOn,
            name: machineName ?? dependsOn,
            lastSeenAt: machineSeenAt ?? 0,
            listening: row.machineListens === 1,
          },
    waiting,
  };
}

/** Returns why due jobs wait. Covers only reasons that depend on the linked repositories of their accounts. */
async function waitingOfDue(deps: Deps, rows: readonly AlertJobRow[]): Promise<Map<string, Waiting>> {
  const due = rows.filter((row) => row.status === 'queued' && row.availableAt <= deps.now - DUE_MS);
  const accounts = [...Map.groupBy(due, (row) => row.userId)].slice(0, ACCOUNTS_LIMIT);
  if (accounts.length === 0) return new Map();
  const found = await deps.db.batch(accounts.flatMap(([userId, jobs]) => readPlaces(userId, jobs)));
  const waiting = new Map<string, Waiting>();
  for (const [at, [, jobs]] of accounts.entries()) {
    const around = toSurroundings([...found.slice(3 * at, 3 * at + 3), { rows: [] }]);
    for (const job of jobs) {
      const why = waitingOf(job, around, deps.now);
      if (why !== undefined) waiting.set(job.id, why);
    }
  }
  return waiting;
}

function readPlaces(userId: UserId, jobs: readonly AlertJobRow[]) {
  const links = linksOf(jobs.map(targetOf));
  return [readMachinesOf(userId, links.machineIds), ...readLinks(userId, links)];
}

/** Converts the alerts to the form of the API. */
export function viewAlerts({ alerts, counts, hasMore }: Alerts): Omit<ReplyInput<typeof alertsRow>, 'ok'> {
  return {
    alerts: alerts.map(({ at, jobIds, ...alert }) => ({
      ...alert,
      jobIds: [...jobIds],
      since: new Date(at).toISOString(),
    })),
    counts,
    hasMore,
  };
}
