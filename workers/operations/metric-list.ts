/** The metrics of the server, from the facts that were read. docs/alert-rules.yml uses their names. */

import type { AlertKind } from '../../spec/overview/alerts.ts';
import { CONTACT_AGES_S, type ContactAges } from '../../spec/overview/monitoring.ts';
import { cumulative, type Histogram, type Stats } from '../../spec/overview/stats.ts';
import type { Metric, Sample } from './exposition.ts';

/** Durations and outcomes cover this many full minutes before the scrape. */
export const WINDOW_MINUTES = 15;
/** The maximum number of versions that have their own label. Clients choose the texts of versions, so the number must be limited. */
const VERSIONS_NAMED = 20;

export interface Facts {
  version: string;
  /** The newest minute that cron has recorded. Undefined if there is none in the window. */
  newestMinuteAt: number | undefined;
  /** The stats of the window. */
  stats: Stats;
  /** The number of live jobs by status. */
  live: ReadonlyMap<string, number>;
  ages: ContactAges | undefined;
  versions: readonly { version: string; machines: number }[];
  alerts: Readonly<Record<AlertKind, number>>;
}

export function metricsOf(facts: Facts): Metric[] {
  return [...aboutServer(facts), ...aboutJobs(facts), ...aboutMachines(facts)];
}

function aboutServer({ version, newestMinuteAt, alerts }: Facts): Metric[] {
  return [
    {
      name: 'orp_build',
      type: 'info',
      help: 'The version of the server.',
      samples: [{ labels: { version }, value: 1 }],
    },
    {
      name: 'orp_cron_last_run_timestamp_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: `The minute in which cron last ran. 0 if it has not run in the last ${WINDOW_MINUTES} minutes.`,
      samples: [{ value: newestMinuteAt === undefined ? 0 : newestMinuteAt / 1000 + 60 }],
    },
    {
      name: 'orp_alerts',
      type: 'gauge',
      help: 'Alerts for operators by kind. docs/operations.md says what to do about each.',
      samples: Object.entries(alerts).map(([kind, value]) => ({ labels: { kind }, value })),
    },
  ];
}

function aboutJobs({ live, stats, alerts }: Facts): Metric[] {
  const jobs = (status: string) => live.get(status) ?? 0;
  return [
    {
      name: 'orp_jobs',
      type: 'gauge',
      help: 'Live jobs of all accounts by status. At most 10,000 jobs are counted.',
      samples: ['queued', 'dispatched', 'running', 'lost'].map((status) => ({
        labels: { status },
        value: jobs(status),
      })),
    },
    {
      name: 'orp_leases',
      type: 'gauge',
      help: 'Jobs that a machine holds under a lease. `expired`: no heartbeat came in time.',
      samples: [
        { labels: { state: 'held' }, value: jobs('dispatched') + jobs('running') },
        { labels: { state: 'expired' }, value: alerts.expired_lease },
      ],
    },
    {
      name: 'orp_jobs_ended_recently',
      type: 'gauge',
      help: `Jobs that ended in the last ${WINDOW_MINUTES} full minutes, by outcome.`,
      samples: (['completed', 'failed', 'cancelled'] as const).map((outcome) => ({
        labels: { outcome },
        value: stats[outcome],
      })),
    },
    {
      name: 'orp_queue_wait_seconds',
      type: 'gaugehistogram',
      unit: 'seconds',
      help: `How long jobs waited from their due time to their claim, in the last ${WINDOW_MINUTES} full minutes.`,
      histogram: inSeconds(stats.wake),
    },
    {
      name: 'orp_run_seconds',
      type: 'gaugehistogram',
      unit: 'seconds',
      help: `How long agents ran, for jobs that ended in the last ${WINDOW_MINUTES} full minutes.`,
      histogram: inSeconds(stats.run),
    },
  ];
}

function inSeconds(histogram: Histogram): NonNullable<Metric['histogram']> {
  const { buckets, count, sumMs } = cumulative(histogram);
  return {
    buckets: buckets.map(({ belowMs, count: below }) => ({ le: belowMs / 1000, count: below })),
    count,
    sum: sumMs / 1000,
  };
}

function aboutMachines({ ages, versions }: Facts): Metric[] {
  return [
    {
      name: 'orp_machine_last_contact_age_seconds',
      type: 'gaugehistogram',
      unit: 'seconds',
      help: 'How long ago the machines of the last day polled, sent a heartbeat or opened a channel. Exact to eight minutes.',
      histogram: {
        buckets: CONTACT_AGES_S.map((le, at) => ({ le, count: ages?.[`below${at}`] ?? 0 })),
        count: ages?.count ?? 0,
        sum: ages?.sumSeconds ?? 0,
      },
    },
    {
      name: 'orp_machines_listening',
      type: 'gauge',
      help: 'Machines with an open channel, among the machines of the last day.',
      samples: [{ value: ages?.listening ?? 0 }],
    },
    {
      name: 'orp_machines',
      type: 'gauge',
      help: `Machines of the last day by version of orp. The ${VERSIONS_NAMED} most frequent versions are named.`,
      samples: byVersion(versions),
    },
  ];
}

function byVersion(rows: readonly { version: string; machines: number }[]): Sample[] {
  const rest = rows.slice(VERSIONS_NAMED).reduce((sum, { machines }) => sum + machines, 0);
  return [
    ...rows
      .slice(0, VERSIONS_NAMED)
      .map(({ version, machines }) => ({ labels: { version }, value: machines })),
    ...(rest > 0 ? [{ labels: { version: 'other versions' }, value: rest }] : []),
  ];
}
