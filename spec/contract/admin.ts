/** What operators read and order over all accounts. Everybody else gets 403 `forbidden`. */

import { z } from 'zod';
import { machineIdField } from '../ids.ts';
import { CONDITION_CODES } from '../job/condition.ts';
import { JOB_STATUSES } from '../job/status.ts';
import { ALERT_KINDS } from '../overview/alerts.ts';
import { BULK_ACTIONS, BULK_STATES } from '../overview/bulk.ts';
import { MACHINE_STATES } from '../overview/machine-state.ts';
import { CHART_SPANS } from '../overview/stats.ts';
import { endpoint } from './endpoint.ts';
import { absentable, jobKind, ok, queryInteger } from './fields.ts';

/** A part of a filter that a person types. */
const words = z.string().trim().min(1).max(200);

const adminMachine = z.object({
  id: z.string(),
  name: z.string(),
  account: z.object({ id: z.string(), email: z.string() }),
  platform: z.string(),
  version: z.string(),
  state: z.enum(MACHINE_STATES),
  draining: z.boolean(),
  /** Its last sign of life, to five minutes. */
  lastSeenAt: z.string(),
  lastSyncAt: absentable,
  /** The open channel; absent: a wake-up would not reach the machine. */
  listening: z
    .object({ transport: z.enum(['ws', 'sse']), instance: z.string(), since: z.string() })
    .optional(),
  /** Why it claims nothing now. */
  condition: z
    .object({ code: z.enum(CONDITION_CODES), message: z.string(), until: absentable, since: z.string() })
    .optional(),
  /** At most five of the jobs that it holds. */
  currentJobs: z.array(z.object({ id: z.string(), status: z.enum(JOB_STATUSES) })),
  heldCount: z.number().int(),
  /** Queued jobs that name this machine. */
  queuedCount: z.number().int(),
  /** Among the newest 20 jobs of its account. */
  lastCompletedAt: absentable,
  lastFailedAt: absentable,
  /** Results on its disk that the server has not taken, as its runner last reported. */
  spool: z.object({ leases: z.number().int(), bytes: z.number().int(), oldestAt: absentable }).optional(),
  agent: z.object({ way: z.string(), version: absentable }).optional(),
  /** When the runner reported both. */
  reportedAt: absentable,
});

export const listMachines = endpoint({
  name: 'listMachines',
  method: 'GET',
  path: '/api/admin/machines',
  summary:
    'List the machines of all accounts in the order of their ids. Filters combine. A page may have fewer than `limit` although more follow: go on with `nextCursor`.',
  query: z.object({
    limit: queryInteger(1, 100, 50),
    /** The `nextCursor` of the page before. */
    cursor: z.string().max(128).optional(),
    /** In the id, the name or the e-mail address of the account. */
    q: words.optional(),
    /** The id or the e-mail address of an account. */
    account: words.optional(),
    state: z.enum(MACHINE_STATES).optional(),
    version: words.optional(),
    platform: words.optional(),
  }),
  reply: z.object({
    ok,
    machines: z.array(adminMachine),
    nextCursor: absentable,
    hasMore: z.boolean(),
    /** Jobs of all accounts that have not ended, by status; at most 10,000 are counted. */
    live: z.object({
      queued: z.number().int(),
      dispatched: z.number().int(),
      running: z.number().int(),
      lost: z.number().int(),
    }),
    /** Jobs of all accounts that ended in the last 60 full minutes. */
    endedLastHour: z.object({
      completed: z.number().int(),
      failed: z.number().int(),
      cancelled: z.number().int(),
    }),
  }),
  errors: ['forbidden'],
  capability: 'admin',
  idempotent: true,
});

export const listAlerts = endpoint({
  name: 'listAlerts',
  method: 'GET',
  path: '/api/admin/alerts',
  summary:
    'What needs an operator now, each with its meaning and the next step. An alert is there while its condition is true.',
  reply: z.object({
    ok,
    /** In the order of the kinds, the longest first; at most 100. */
    alerts: z.array(
      z.object({
        kind: z.enum(ALERT_KINDS),
        /** The same while the same trouble lasts. */
        id: z.string(),
        since: z.string(),
        sentence: z.string(),
        meaning: z.string(),
        next: z.string(),
        account: z.object({ id: z.string(), email: z.string() }).optional(),
        machineId: absentable,
        /** At most ten. */
        jobIds: z.array(z.string()),
        /** How many jobs, or for `version_drift` machines. */
        count: z.number().int(),
      }),
    ),
    counts: z.record(z.enum(ALERT_KINDS), z.number().int()),
    /** There may be more than the server looked at. */
    hasMore: z.boolean(),
  }),
  errors: ['forbidden'],
  capability: 'admin',
  idempotent: true,
});

export const listDevices = endpoint({
  name: 'listDevices',
  method: 'GET',
  path: '/api/admin/accounts/:accountId/devices',
  summary: 'List the devices that an account is, or was, signed in on. The signed-in ones come first.',
  reply: z.object({
    ok,
    devices: z.array(
      z.object({
        /** Names the device. It opens nothing. */
        id: z.string(),
        name: z.string(),
        createdAt: z.string(),
        /** To a day. */
        usedAt: z.string(),
        revokedAt: absentable,
      }),
    ),
  }),
  errors: ['forbidden'],
  capability: 'admin',
  idempotent: true,
});

export const revokeDevice = endpoint({
  name: 'revokeDevice',
  method: 'POST',
  path: '/api/admin/accounts/:accountId/devices/:deviceId/revoke',
  summary:
    'Sign a device of any account out. Its token is refused within 30 s everywhere, and its channels are closed.',
  body: z.strictObject({ reason: z.string().max(1000).nullish() }),
  reply: z.object({
    ok,
    /** False if the device was already revoked. */
    changed: z.boolean(),
  }),
  errors: ['forbidden', 'not_found'],
  capability: 'admin',
  idempotent: true,
});

/** The filter of the job list, over all accounts or one. */
const bulkFilter = z.strictObject({
  /** The id or the e-mail address of an account. */
  account: words.optional(),
  /**
   * One or more statuses, separated by commas. If absent, all live statuses for `cancel`, and `lost,failed` for `requeue`.
   */
  status: z.string().max(200).optional(),
  kind: z.string().max(64).pipe(jobKind).optional(),
  ideaId: z.string().max(128).optional(),
  machineId: machineIdField.optional(),
});

/** The name of a run. It is its id, so that a repeated order does not start a second run. */
const bulkName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be 1 to 64 letters, digits and . _ -');

const bulkRun = z.object({
  name: z.string(),
  action: z.enum(BULK_ACTIONS),
  filter: bulkFilter,
  reason: absentable,
  state: z.enum(BULK_STATES),
  /** How many jobs the operator saw; the run orders no more. */
  count: z.number().int(),
  done: z.number().int(),
  /** Could not be ordered, for example because they had ended meanwhile. */
  skipped: z.number().int(),
  createdBy: z.string(),
  createdAt: z.string(),
  updatedAt: z.string(),
  finishedAt: absentable,
  abortedBy: absentable,
});

export const startBulk = endpoint({
  name: 'startBulk',
  method: 'POST',
  path: '/api/admin/bulk',
  summary:
    'Cancel or requeue all jobs that match a filter. With `dryRun`: only count them. The run proceeds by itself, a step a minute or more, and faster when a client asks for its steps.',
  body: z.strictObject({
    action: z.enum(BULK_ACTIONS),
    filter: bulkFilter,
    /** Counts, and starts nothing. */
    dryRun: z.boolean().default(false),
    name: bulkName.optional(),
    /** The count that the dry run answered: a run is refused when more jobs match by now. */
    count: z.number().int().min(0).max(1_000_000_000).optional(),
    /** Kept in the audit log of each job. */
    reason: z.string().max(1000).nullish(),
  }),
  reply: z.object({
    ok,
    /** Of a dry run: how many jobs match. */
    count: z.number().int().optional(),
    /** Of a dry run: false when there are more. */
    exact: z.boolean().optional(),
    run: bulkRun.optional(),
    /** False if this run was started before. */
    created: z.boolean().optional(),
  }),
  errors: ['forbidden', 'record_changed', 'idempotency_conflict'],
  capability: 'admin',
  idempotent: true,
});

export const listBulk = endpoint({
  name: 'listBulk',
  method: 'GET',
  path: '/api/admin/bulk',
  summary: 'List the newest 50 bulk runs. Those that ended 90 days ago are gone.',
  reply: z.object({ ok, runs: z.array(bulkRun) }),
  errors: ['forbidden'],
  capability: 'admin',
  idempotent: true,
});

export const showBulk = endpoint({
  name: 'showBulk',
  method: 'GET',
  path: '/api/admin/bulk/:name',
  summary: 'Show how far a bulk run is.',
  reply: z.object({ ok, run: bulkRun }),
  errors: ['forbidden', 'not_found'],
  capability: 'admin',
  idempotent: true,
});

export const advanceBulk = endpoint({
  name: 'advanceBulk',
  method: 'POST',
  path: '/api/admin/bulk/:name/advance',
  summary: 'Do the next step of a bulk run now: up to 20 jobs. Of a run that has ended, nothing.',
  reply: z.object({ ok, run: bulkRun }),
  errors: ['forbidden', 'not_found'],
  capability: 'admin',
  idempotent: true,
});

export const abortBulk = endpoint({
  name: 'abortBulk',
  method: 'POST',
  path: '/api/admin/bulk/:name/abort',
  summary: 'End a bulk run: what it ordered stays ordered, the other jobs are left alone.',
  reply: z.object({
    ok,
    run: bulkRun,
    /** False if the run had already ended. */
    changed: z.boolean(),
  }),
  errors: ['forbidden', 'not_found'],
  capability: 'admin',
  idempotent: true,
});

const ms = z.number().int().optional();

export const showCharts = endpoint({
  name: 'showCharts',
  method: 'GET',
  path: '/api/admin/charts',
  summary:
    'Queue depth, wake latency, run time and outcomes of the whole service, over an hour (a point a minute), a day (a point a quarter) or a week (a point an hour).',
  query: z.object({ span: z.enum(CHART_SPANS).default('hour') }),
  reply: z.object({
    ok,
    span: z.enum(CHART_SPANS),
    pointSeconds: z.number().int(),
    /** Oldest first. A time in which cron did not run has no point. */
    points: z.array(
      z.object({
        /** When it begins. */
        at: z.string(),
        /** Jobs at the end of the minute; of a longer time the most. */
        queued: z.number().int(),
        active: z.number().int(),
        lost: z.number().int(),
        /** Jobs that ended. */
        completed: z.number().int(),
        failed: z.number().int(),
        cancelled: z.number().int(),
        /** The time from a job's due time to its claim, with a precision of 20 %. Absent if no job was claimed. */
        wakeP50Ms: ms,
        wakeP95Ms: ms,
        /** From the start to the end of the agent, to 20 %. */
        runP50Ms: ms,
        runP95Ms: ms,
        /** True if there were more jobs than the server reads in a minute. The numbers then cover only a part of the jobs. */
        sampled: z.boolean().optional(),
      }),
    ),
  }),
  errors: ['forbidden'],
  capability: 'admin',
  idempotent: true,
});
