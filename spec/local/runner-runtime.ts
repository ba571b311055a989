/**
 * `LINK/runtime.json`: the current job and the last job of the runner in a repository. Published as
 * `spec/v1/runner-runtime.schema.json`.
 */

import * as z from 'zod/mini';
import { schemaVersion, timestamp } from './fields.ts';
import {
  RECENT_EVENTS_KEPT,
  RUNTIME_EVENT_TEXTS,
  RUNTIME_JOB_TEXTS,
  RUNTIME_JOB_TIMES,
  RUNTIME_STATUSES,
} from './vocabulary.ts';

const text = z.optional(z.string());
const at = z.optional(timestamp);

/** Returns a schema with one optional field per key, in the order of the keys. */
function fieldsOf<K extends string, T extends z.ZodMiniType>(keys: readonly K[], field: T): Record<K, T> {
  return Object.fromEntries(keys.map((key) => [key, field])) as Record<K, T>;
}

/** `{}` means "no job". */
const runtimeJobSchema = z.strictObject({
  ...fieldsOf(RUNTIME_JOB_TEXTS, text),
  ...fieldsOf(RUNTIME_JOB_TIMES, at),
});

const runtimeEventSchema = z.strictObject(fieldsOf(RUNTIME_EVENT_TEXTS, text));

/** The keys are in the order in which they are written. */
export const runnerRuntimeSchema = z
  .strictObject({
    schema_version: schemaVersion,
    status: z.enum(RUNTIME_STATUSES).check(z.describe('`idle` if there is no active job.')),
    updated_at_utc: z.optional(timestamp),
    active_job: runtimeJobSchema,
    last_job: runtimeJobSchema,
    recent_events: z
      .array(runtimeEventSchema)
      .check(z.maxLength(RECENT_EVENTS_KEPT), z.describe('Recent events, oldest first.')),
  })
  .check(z.meta({ title: 'Runner runtime', description: 'The work of the runner in one repository.' }));

/** A valid runtime record. */
export type RunnerRuntime = z.output<typeof runnerRuntimeSchema>;
export type RuntimeJob = z.output<typeof runtimeJobSchema>;
export type RuntimeEvent = z.output<typeof runtimeEventSchema>;
