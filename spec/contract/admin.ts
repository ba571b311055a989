/** The routes of operators over all accounts. Everybody else gets 403 `forbidden`. */

import * as z from 'zod/mini';
import { SCOPES, TOKEN_KINDS } from '../access.ts';
import { machineIdField } from '../ids.ts';
import { MACHINE_CONDITIONS } from '../job/condition.ts';
import { JOB_STATUSES } from '../job/status.ts';
import { ALERT_KINDS } from '../overview/alerts.ts';
import { BULK_ACTIONS, BULK_STATES } from '../overview/bulk.ts';
import { MACHINE_STATES } from '../overview/machine-state.ts';
import { CHART_SPANS } from '../overview/stats.ts';
import { absentable, endpoint, jobKind, ok, queryInteger } from './endpoint.ts';

/** A text of a filter that a person types. */
const words = z.string().check(z.trim(), z.minLength(1), z.maxLength(200));

const adminMachine = z.object({
  id: z.string(),
  name: z.string(),
  account: z.object({ id: z.string(), email: z.string() }),
  platform: z.string(),
  version: z.string(),
  state: z.enum(MACHINE_STATES),
  draining: z.boolean(),
  /** When the machine last contacted the server, exact to eight minutes. */
  lastSeenAt: z.string(),
  lastSyncAt: absentable,
  /** The open channel. If absent, a wake-up would not reach the machine. */
  listening: z.optional(
    z.object({ transport: z.enum(['ws', 'sse']), instance: z.string(), since: z.string() }),
  ),
  /** Why the machine claims no jobs now. */
  condition: z.optional(
    z.object({ code: z.enum(MACHINE_CONDITIONS), message: z.string(), until: absentable, since: z.string() }),
  ),
  /** At most five of the jobs that the machine holds. */
  currentJobs: z.array(z.object({ id: z.string(), status: z.enum(JOB_STATUSES) })),
  heldCount: z.int(),
  /** The number of queued jobs that name this machine. */
  queuedCount: z.int(),
  /** When the last of its jobs completed, among the newest 20 jobs of its account. */
  lastCompletedAt: absentable,
  lastFailedAt: absentable,
  /** The results on the machine's disk that the server has not received yet, as its runner last reported them. */
  spool: z.optional(z.object({ leases: z.int(), bytes: z.int(), oldestAt: absentable })),
  agent: z.optional(z.object({ way: z.string(), version: absentable })),
  /** When the runner reported `spool` and `agent`. */
  reportedAt: absentable,
});

export const listMachines = endpoint({
  name: 'listMachines',
  method: 'GET',
  path: '/api/admin/machines',
  summary:
    'List the machines of all accounts in the order of their ids. Filters combine. A page may have fewer than `limit` machines although more pages follow. While the answer has a `nextCursor`, request the next page.',
  query: z.object({
    limit: queryInteger(1, 100, 50),
    /** The `nextCursor` of the previous page. */
    cursor: z.optional(z.string().check(z.maxLength(128))),
    /** A text that the id, the name or the e-mail address of the account must contain. */
    q: z.optional(words),
    /** The id or the e-mail address of an account. */
    account: z.optional(words),
    state: z.optional(z.enum(MACHINE_STATES)),
    version: z.optional(words),
    platform: z.optional(words),
  }),
  reply: z.object({
    ok,
    machines: z.array(adminMachine),
    nextCursor: absentable,
    hasMore: z.boolean(),
    /** The number of live jobs of all accounts by status. At most 10,000 jobs are counted. */
    live: z.object({
      queued: z.int(),
      dispatched: z.int(),
      running: z.int(),
      lost: z.int(),
    }),
    /** The number of jobs of all accounts that ended in the last 60 full minutes. */
    endedLastHour: z.object({
      completed: z.int(),
      failed: z.int(),
      cancelled: z.int(),
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
    'List the alerts for operators, each with its meaning and the next step. An alert exists for as long as its condition is true.',
  reply: z.object({
    ok,
    /** At most 100 alerts, sorted by kind, then from the oldest to the newest. */
    alerts: z.array(
      z.object({
        kind: z.enum(ALERT_KINDS),
        /** An id that stays the same while the problem lasts. */
        id: z.string(),
        since: z.string(),
        sentence: z.string(),
        meaning: z.string(),
        next: z.string(),
        account: z.optional(z.object({ id: z.string(), email: z.string() })),
        machineId: absentable,
        /** At most ten of the affected jobs. */
        jobIds: z.array(z.string()),
        /** The number of affected jobs. For `version_drift`, the number of machines. */
        count: z.int(),
      }),
    ),
    counts: z.record(z.enum(ALERT_KINDS), z.int()),
    /** True if there may be more alerts than the server found. */
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
  summary: 'List the devices of an account. Signed-in devices come first, then signed-out devices.',
  reply: z.object({
    ok,
    devices: z.array(
      z.object({
        /** Identifies the device. It cannot be used to sign in. */
        id: z.string(),
        name: z.string(),
        /** The next two fields are absent in answers of older servers. */
        kind: z.optional(z.enum(TOKEN_KINDS)),
        scope: z.optional(z.enum(SCOPES)),
        createdAt: z.string(),
        /** When the device was last used, exact to a day. */
        usedAt: z.string(),
        expiresAt: absentable,
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
    'Sign out a device of any account. The server closes its channels and rejects its token everywhere within 30 s.',
  body: z.strictObject({ reason: z.nullish(z.string().check(z.maxLength(1000))) }),
  reply: z.object({
    ok,
    /** False if the device was already revoked. */
    changed: z.boolean(),
  }),
  errors: ['forbidden', 'not_found'],
  capability: 'admin',
  idempotent: true,
});

/** The filter of the job list, for one account or for all accounts. */
export const bulkFilter = z.strictObject({
  /** The id or the e-mail address of an account. */
  account: z.optional(words),
  /**
   * One or more statuses, separated by commas. If absent, all live statuses for `cancel`, and `lost,failed` for `requeue`.
   */
  status: z.optional(z.string().check(z.maxLength(200))),
  kind: z.optional(z.pipe(z.string().check(z.maxLength(64)), jobKind)),
  ideaId: z.optional(z.string().check(z.maxLength(128))),
  machineId: z.optional(machineIdField),
});

/** The name of a run. It is its id, so that a repeated order does not start a second run. */
const bulkName = z
  .string()
  .check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be 1 to 64 letters, digits and . _ -'));

const bulkRun = z.object({
  name: z.string(),
  action: z.enum(BULK_ACTIONS),
  filter: bulkFilter,
  reason: absentable,
  state: z.enum(BULK_STATES),
  /** The number of jobs that the operator saw. The run orders no more jobs than this. */
  count: z.int(),
  done: z.int(),
  /** The number of jobs that could not be ordered, for example because they had already ended. */
  skipped: z.int(),
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
    'Cancel or requeue all jobs that match a filter. With `dryRun`, only count them. The server performs at least one step of the run a minute. A client can request further steps.',
  body: z.strictObject({
    action: z.enum(BULK_ACTIONS),
    filter: bulkFilter,
    /** If true, the server only counts the matching jobs. */
    dryRun: z._default(z.boolean(), false),
    name: z.optional(bulkName),
    /** The count from the dry run. If more jobs match now, the run is refused. */
    count: z.optional(z.int().check(z.minimum(0), z.maximum(1_000_000_000))),
    /** The reason, which the audit log keeps for each job. */
    reason: z.nullish(z.string().check(z.maxLength(1000))),
  }),
  reply: z.object({
    ok,
    /** Only for a dry run: the number of jobs that match. */
    count: z.optional(z.int()),
    /** Only for a dry run: false if more jobs match than `count`. */
    exact: z.optional(z.boolean()),
    run: z.optional(bulkRun),
    /** False if this run was started before. */
    created: z.optional(z.boolean()),
  }),
  errors: ['forbidden', 'record_changed', 'idempotency_conflict'],
  capability: 'admin',
  idempotent: true,
});

export const listBulk = endpoint({
  name: 'listBulk',
  method: 'GET',
  path: '/api/admin/bulk',
  summary: 'List the newest 50 bulk runs. Runs are deleted 90 days after their end.',
  reply: z.object({ ok, runs: z.array(bulkRun) }),
  errors: ['forbidden'],
  capability: 'admin',
  idempotent: true,
});

export const showBulk = endpoint({
  name: 'showBulk',
  method: 'GET',
  path: '/api/admin/bulk/:name',
  summary: 'Show the progress of a bulk run.',
  reply: z.object({ ok, run: bulkRun }),
  errors: ['forbidden', 'not_found'],
  capability: 'admin',
  idempotent: true,
});

export const advanceBulk = endpoint({
  name: 'advanceBulk',
  method: 'POST',
  path: '/api/admin/bulk/:name/advance',
  summary: 'Perform the next step of a bulk run now, for up to 20 jobs. Does nothing if the run has ended.',
  reply: z.object({ ok, run: bulkRun }),
  errors: ['forbidden', 'not_found'],
  capability: 'admin',
  idempotent: true,
});

export const abortBulk = endpoint({
  name: 'abortBulk',
  method: 'POST',
  path: '/api/admin/bulk/:name/abort',
  summary: 'Abort a bulk run. Jobs that the run has already changed stay changed. No other job is changed.',
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

const ms = z.optional(z.int());

export const showCharts = endpoint({
  name: 'showCharts',
  method: 'GET',
  path: '/api/admin/charts',
  summary:
    'Show charts of the service: queue depth, wake latency, run time and outcomes. A chart covers an hour (one point a minute), a day (one point a quarter of an hour) or a week (one point an hour).',
  query: z.object({ span: z._default(z.enum(CHART_SPANS), 'hour') }),
  reply: z.object({
    ok,
    span: z.enum(CHART_SPANS),
    pointSeconds: z.int(),
    /** The points, oldest first. A time in which cron did not run has no point. */
    points: z.array(
      z.object({
        /** When the point begins. */
        at: z.string(),
        /** The number of queued jobs at the end of the minute. For a longer time, the highest number of its minutes. */
        queued: z.int(),
        active: z.int(),
        lost: z.int(),
        /** The numbers of jobs that ended. */
        completed: z.int(),
        failed: z.int(),
        cancelled: z.int(),
        /** The time from a job's due time to its claim, with a precision of 20 %. Absent if no job was claimed. */
        wakeP50Ms: ms,
        wakeP95Ms: ms,
        /** The time from the start to the end of the agent, with a precision of 20 %. */
        runP50Ms: ms,
        runP95Ms: ms,
        /** True if there were more jobs than the server reads in a minute. The numbers then cover only a part of the jobs. */
        sampled: z.optional(z.boolean()),
      }),
    ),
  }),
  errors: ['forbidden'],
  capability: 'admin',
  idempotent: true,
});
