/** Reads `LINK/runtime.json`, and derives the health of its lease. */

import type { RunnerMachine } from '../../spec/local/runner-machine.ts';
import type { RunnerRuntime, RuntimeEvent, RuntimeJob } from '../../spec/local/runner-runtime.ts';
import {
  RECENT_EVENTS_KEPT,
  RUNTIME_EVENT_TEXTS,
  RUNTIME_JOB_TEXTS,
  RUNTIME_JOB_TIMES,
  RUNTIME_STATUSES,
  SCHEMA_VERSION,
  STALE_LEASE_SECONDS,
} from '../../spec/local/vocabulary.ts';
import { compact, readChoice, readString, readTimestamp } from '../files/fields.ts';
import { isObject, type JsonObject, readJsonFile } from '../files/json-file.ts';
import { parseTimestamp } from '../files/timestamps.ts';
import { type LinkableRepository, runtimePath } from '../git/repository.ts';

/** The runtime of a repository without a file. Never written. */
export function idleRuntime(): RunnerRuntime {
  return {
    schema_version: SCHEMA_VERSION,
    status: 'idle',
    updated_at_utc: '',
    active_job: {},
    last_job: {},
    recent_events: [],
  };
}

/** Reads the runtime. `isTorn` is true if the file exists but is unreadable. */
export function readRuntime(repository: LinkableRepository): { runtime: RunnerRuntime; isTorn: boolean } {
  const file = readJsonFile(runtimePath(repository));
  const runtime = file.kind === 'read' ? normaliseRuntime(file.value) : idleRuntime();
  return { runtime, isTorn: file.kind === 'torn' };
}

/** Rebuilds a runtime record. */
export function normaliseRuntime(record: JsonObject): RunnerRuntime {
  const activeJob = normaliseJob(record.active_job ?? record.activeJob);
  const status = readChoice(record, RUNTIME_STATUSES, 'status') ?? 'idle';
  const events = record.recent_events ?? record.recentEvents;
  return compact<RunnerRuntime>({
    schema_version: SCHEMA_VERSION,
    status: hasJob(activeJob) ? status : 'idle',
    updated_at_utc: readTimestamp(record, 'updated_at_utc', 'updatedAt') ?? '',
    active_job: activeJob,
    last_job: normaliseJob(record.last_job ?? record.lastJob),
    recent_events: (Array.isArray(events) ? events : []).map(normaliseEvent).slice(-RECENT_EVENTS_KEPT),
  });
}

/** Returns whether the object describes a job; `{}` means none. */
export function hasJob(job: RuntimeJob): boolean {
  return Object.keys(job).length > 0;
}

/** Rebuilds a job with its keys in order. Drops empty values. */
export function normaliseJob(value: unknown): RuntimeJob {
  if (!isObject(value)) return {};
  const job: RuntimeJob = {};
  for (const key of RUNTIME_JOB_TEXTS) {
    const text = readString(value, key);
    if (text !== undefined) job[key] = text;
  }
  for (const key of RUNTIME_JOB_TIMES) {
    const text = readTimestamp(value, key);
    if (text !== undefined) job[key] = text;
  }
  return job;
}

/** Rebuilds an event with its keys in order. */
export function normaliseEvent(value: unknown): RuntimeEvent {
  if (!isObject(value)) return {};
  const event: RuntimeEvent = {};
  for (const key of RUNTIME_EVENT_TEXTS) {
    const text = readString(value, key);
    if (text !== undefined) event[key] = text;
  }
  return event;
}

/** Health of the recorded lease. Derived, never stored. */
export interface ActiveLease {
  has_active_job: boolean;
  /** No heartbeat for the duration of a lease. */
  stale: boolean;
  age_seconds: number;
}

/** Time since the last heartbeat of the active job. */
export function activeLease(
  runtime: RunnerRuntime,
  machine: RunnerMachine | undefined,
  now: number,
): ActiveLease {
  const job = runtime.active_job;
  if (!hasJob(job)) return { has_active_job: false, stale: false, age_seconds: 0 };
  const reference =
    job.last_heartbeat_at_utc ??
    machine?.last_heartbeat_at_utc ??
    job.started_at_utc ??
    job.claimed_at_utc ??
    '';
  const at = parseTimestamp(reference);
  const age = at === undefined ? 0 : Math.max(0, Math.floor((now - at) / 1000));
  return { has_active_job: true, stale: at !== undefined && age >= STALE_LEASE_SECONDS, age_seconds: age };
}
