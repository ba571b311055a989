/**
 * The rules for the alerts of operators. Each kind of alert has one rule, which reads facts and decides whether to raise the
 * alert. Alerts are not stored. An alert exists for as long as its condition is true.
 */

import type { MachineReport } from '../job/report.ts';
import type { JobStatus } from '../job/status.ts';
import { isLeased } from '../job/status.ts';
import { OFFLINE_AFTER_MS, type Waiting } from '../job/waiting.ts';
import { bytesWords, utcMinute } from '../text.ts';
import { groupBy } from './group.ts';

export const ALERT_KINDS = [
  'expired_lease',
  'lost_job',
  'no_routeable_session',
  'silent_machine',
  'repeated_retries',
  'growing_spool',
  'version_drift',
] as const;
export type AlertKind = (typeof ALERT_KINDS)[number];

/** The meaning of each alert, and the steps for an operator in their order. */
export const PLAYBOOK: Record<AlertKind, { meaning: string; next: string }> = {
  expired_lease: {
    meaning:
      'The machine of this job sent no heartbeat in time, and the server has not taken the job back yet.',
    next: 'Wait a minute: the alarm of the machine and the cron trigger both take it back. If the alert stays, check that the cron trigger runs, then requeue the job.',
  },
  lost_job: {
    meaning:
      'The machine stopped responding while the agent worked. Nobody else may use this agent session until the job is decided.',
    next: 'Ask the owner to wake the machine: the job then continues, or its result arrives. If the machine will not return, requeue the job (it may run twice) or cancel it.',
  },
  no_routeable_session: {
    meaning:
      'No machine of the account offers a repository and a session that can take these jobs. They wait until they expire.',
    next: 'Ask the owner to link the repository and register a session there, then to run orp runner sync. Or cancel the jobs.',
  },
  silent_machine: {
    meaning:
      'Jobs depend on a machine that has not contacted the server for ten minutes. It may be asleep, offline or broken.',
    next: 'Ask the owner to wake it and to start orp runner work. If it will not return, requeue the jobs for another machine, or cancel them; revoke its device if it is lost.',
  },
  repeated_retries: {
    meaning:
      'The job was tried four times or more and has not completed. Another attempt will probably have the same problem.',
    next: 'Run orp job show to read the errors of its attempts. Repair the cause, or cancel the job.',
  },
  growing_spool: {
    meaning:
      'For ten minutes, the runner has kept results on its disk that the server has not accepted. They are safe there.',
    next: 'Check that the machine reaches this server and that its account is signed in: on the machine, orp runner status names the remaining results and the reason.',
  },
  version_drift: {
    meaning:
      'Machines that are in use run an older orp than others. They may lack bug fixes and newer kinds of jobs.',
    next: 'Ask the owners to update orp and to restart the runner (orp runner install restarts the service).',
  },
};

interface Owner {
  id: string;
  email: string;
}

export interface Alert {
  kind: AlertKind;
  /** An id that stays the same while the problem lasts. */
  id: string;
  /** When the problem began, in epoch ms. */
  at: number;
  sentence: string;
  meaning: string;
  next: string;
  account?: Owner;
  machineId?: string;
  /** At most ten of the affected jobs. */
  jobIds: readonly string[];
  /** The number of affected jobs. For `version_drift`, the number of machines. */
  count: number;
}

/** The facts about a job that the rules need. */
export interface AlertJob {
  id: string;
  owner: Owner;
  status: JobStatus;
  attempt: number;
  updatedAt: number;
  leaseExpiresAt: number | undefined;
  /** The machine that holds the job. If no machine holds it, the machine that the job names. */
  machine: { id: string; name: string; lastSeenAt: number; listening: boolean } | undefined;
  /** Present only for queued jobs that are due. */
  waiting?: Waiting | undefined;
}

export interface AlertMachine {
  id: string;
  name: string;
  owner: Owner;
  report: MachineReport | undefined;
}

/** The number of recently active machines that run one version. */
export interface VersionCount {
  version: string;
  machines: number;
  /** The id of one of these machines. */
  machineId: string;
}

export interface AlertFacts {
  now: number;
  jobs: readonly AlertJob[];
  machines: readonly AlertMachine[];
  versions: readonly VersionCount[];
}

/** Results that have waited on a disk for this long raise an alert. Newer results may still be in delivery. */
export const SPOOL_OLD_MS = 10 * 60_000;
export const MANY_RETRIES = 3;
const NAMED_JOBS = 10;

/** Returns all alerts, sorted by kind in the order of `ALERT_KINDS`, then from the oldest to the newest. */
export function alertsOf(facts: AlertFacts): Alert[] {
  const { jobs, machines, versions, now } = facts;
  const found = [
    ...jobs.flatMap((job) => expiredLease(job, now)),
    ...jobs.flatMap(lostJob),
    ...unrouteable(jobs),
    ...silentMachines(jobs, now),
    ...jobs.flatMap(repeatedRetries),
    ...machines.flatMap((machine) => growingSpool(machine, now)),
    ...versionDrift(versions, now),
  ];
  const rank = (alert: Alert) => ALERT_KINDS.indexOf(alert.kind);
  return found.toSorted((one, other) => rank(one) - rank(other) || one.at - other.at);
}

function alert(
  kind: AlertKind,
  rest: Omit<Alert, 'kind' | 'id' | 'meaning' | 'next'> & { subject: string },
): Alert {
  const { subject, ...fields } = rest;
  return { kind, id: `${kind}:${subject}`, ...PLAYBOOK[kind], ...fields };
}

export function expiredLease(job: AlertJob, now: number): Alert[] {
  const { id, owner, status, leaseExpiresAt, machine } = job;
  if (!isLeased(status) || leaseExpiresAt === undefined || leaseExpiresAt > now) return [];
  const sentence = `The lease of job ${id} on ${machine?.name ?? 'its machine'} expired at ${utcMinute(leaseExpiresAt)}.`;
  const about = { ...aboutJob(job), at: leaseExpiresAt, sentence, account: owner };
  return [alert('expired_lease', about)];
}

export function lostJob(job: AlertJob): Alert[] {
  if (job.status !== 'lost') return [];
  const { id, owner, machine, updatedAt } = job;
  const sentence = `Job ${id} is lost: ${machine?.name ?? 'its machine'} stopped responding while the agent worked.`;
  return [alert('lost_job', { ...aboutJob(job), at: updatedAt, sentence, account: owner })];
}

export function repeatedRetries(job: AlertJob): Alert[] {
  const { id, owner, status, attempt, updatedAt } = job;
  // The next attempt of a queued job also counts as a retry.
  const retries = status === 'queued' ? attempt : attempt - 1;
  if (retries < MANY_RETRIES) return [];
  const sentence = `Job ${id} was retried ${retries} times.`;
  return [alert('repeated_retries', { ...aboutJob(job), at: updatedAt, sentence, account: owner })];
}

function aboutJob({ id, machine }: AlertJob) {
  return { subject: id, jobIds: [id], count: 1, ...(machine === undefined ? {} : { machineId: machine.id }) };
}

/** Returns one alert for each account and reason. */
export function unrouteable(jobs: readonly AlertJob[]): Alert[] {
  const lacking = jobs.filter(
    ({ waiting }) => waiting?.code === 'no_session' || waiting?.code === 'no_machine',
  );
  const groups = groupBy(lacking, ({ owner, waiting }) => `${owner.id}:${waiting?.message}`);
  return [...groups].map(([subject, all]) => {
    const [{ owner, waiting }] = all;
    return alert('no_routeable_session', {
      subject,
      at: Math.min(...all.map((job) => job.waiting?.since ?? job.updatedAt)),
      sentence: waiting?.message ?? '',
      account: owner,
      jobIds: all.slice(0, NAMED_JOBS).map(({ id }) => id),
      count: all.length,
    });
  });
}

/** Returns one alert for each silent machine that holds jobs, or that queued jobs name. */
export function silentMachines(jobs: readonly AlertJob[], now: number): Alert[] {
  const depending = jobs.filter(
    ({ machine }) =>
      machine !== undefined && !machine.listening && now - machine.lastSeenAt >= OFFLINE_AFTER_MS,
  );
  const groups = groupBy(depending, ({ machine }) => machine?.id ?? '');
  return [...groups].flatMap(([machineId, all]) => {
    const [first] = all;
    if (first?.machine === undefined) return [];
    const { name, lastSeenAt } = first.machine;
    const held = all.filter(({ status }) => status !== 'queued').length;
    const sentence = `${name} has been silent since ${utcMinute(lastSeenAt)}. It holds ${held} of the jobs that need it; ${all.length - held} wait for it.`;
    const jobIds = all.slice(0, NAMED_JOBS).map(({ id }) => id);
    const about = { subject: machineId, at: lastSeenAt, sentence, account: first.owner, machineId };
    return [alert('silent_machine', { ...about, jobIds, count: all.length })];
  });
}

export function growingSpool({ id, name, owner, report }: AlertMachine, now: number): Alert[] {
  const { leases = 0, bytes = 0, oldestAt } = report?.spool ?? {};
  if (leases === 0 || oldestAt === undefined || now - oldestAt < SPOOL_OLD_MS) return [];
  const results = leases === 1 ? 'the output of 1 job' : `the output of ${leases} jobs`;
  const sentence = `${name} has ${results} on its disk (${bytesWords(bytes)}${growthOf(report)}), the oldest since ${utcMinute(oldestAt)}.`;
  const about = { subject: id, at: oldestAt, sentence, account: owner, machineId: id, jobIds: [] };
  return [alert('growing_spool', { ...about, count: leases })];
}

/** Returns how fast a backlog grows, or an empty text if it does not, or if only one report is known. */
function growthOf(report: MachineReport | undefined): string {
  const { at = 0, spool, before } = report ?? {};
  const minutes = (at - (before?.at ?? at)) / 60_000;
  const growth = (spool?.bytes ?? 0) - (before?.bytes ?? 0);
  return growth <= 0 || minutes <= 0
    ? ''
    : `, growing by ${bytesWords(Math.ceil(growth / minutes))} a minute`;
}

/** Returns one alert for each version that is older than the newest version in use. */
export function versionDrift(versions: readonly VersionCount[], now: number): Alert[] {
  const known = versions.filter(({ version }) => /^\d+\.\d+/.test(version));
  const newest = known.reduce<string | undefined>(
    (best, { version }) => (best === undefined || compareVersions(version, best) > 0 ? version : best),
    undefined,
  );
  return known
    .filter(({ version }) => newest !== undefined && compareVersions(version, newest) < 0)
    .map(({ version, machines, machineId }) => {
      const those = machines === 1 ? '1 machine runs' : `${machines} machines run`;
      const sentence = `${those} orp ${version}; the newest in use is ${newest}.`;
      const about = { subject: version, at: now, sentence, jobIds: [], count: machines };
      return alert('version_drift', machines === 1 ? { ...about, machineId } : about);
    });
}

/**
 * The order of versions such as 0.5.0 and 0.5.0-rc.1: negative when `one` is older. Clients send them, so every text has a
 * place in it. A version with a suffix is older than the one without.
 */
function compareVersions(one: string, other: string): number {
  const [a, b] = [partsOf(one), partsOf(other)];
  for (let at = 0; at < Math.max(a.numbers.length, b.numbers.length); at += 1) {
    const difference = (a.numbers[at] ?? 0) - (b.numbers[at] ?? 0);
    if (difference !== 0) return difference;
  }
  if (a.suffix === b.suffix) return 0;
  if (a.suffix === '' || b.suffix === '') return a.suffix === '' ? 1 : -1;
  return a.suffix.localeCompare(b.suffix, 'en', { numeric: true });
}

function partsOf(version: string): { numbers: number[]; suffix: string } {
  const [, plain = '', suffix = ''] = /^([\d.]*)(.*)$/s.exec(version.split('+')[0] ?? '') ?? [];
  return { numbers: plain.split('.').map((part) => Number(part) || 0), suffix };
}
