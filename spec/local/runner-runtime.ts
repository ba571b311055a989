/** `LINK/runtime.json`: what the runner does in a repository right now, and did last (contract/local-state.md §7). */

import { z } from 'zod';
import { schemaVersion, timestamp } from './fields.ts';

export const RUNTIME_STATUSES = ['idle', 'claimed', 'running'] as const;
export type RuntimeStatus = (typeof RUNTIME_STATUSES)[number];

/** How a job can leave the runtime. */
export const FINISH_STATUSES = ['completed', 'failed', 'cancelled', 'retried'] as const;
export type FinishStatus = (typeof FINISH_STATUSES)[number];

/** Events kept in the file; older ones fall off. */
export const RECENT_EVENTS_KEPT = 25;

/** A claimed job without any heartbeat for this long is stale: the length of a lease. */
export const STALE_LEASE_SECONDS = 120;

const text = z.string().optional();
const at = timestamp.optional();

/** The keys stand in the order in which they are written. `{}` stands for "no job". */
export const runtimeJobSchema = z.strictObject({
  job_id: text,
  job_kind: text,
  lease_id: text,
  checkpoint_id: text,
  idea_id: text,
  world_id: text,
  project_root: text,
  repo_root: text,
  orp_session_id: text,
  codex_session_id: text,
  status: text,
  summary: text,
  error: text,
  claimed_at_utc: at,
  started_at_utc: at,
  last_heartbeat_at_utc: at,
  lease_expires_at_utc: at,
  finished_at_utc: at,
});

const runtimeEventSchema = z.strictObject({
  timestamp_utc: text,
  status: text,
  job_id: text,
  lease_id: text,
  message: text,
});

export const runnerRuntimeSchema = z
  .strictObject({
    schema_version: schemaVersion,
    status: z.enum(RUNTIME_STATUSES).describe('`idle` whenever there is no active job.'),
    updated_at_utc: timestamp.optional(),
    active_job: runtimeJobSchema,
    last_job: runtimeJobSchema,
    recent_events: z.array(runtimeEventSchema).max(RECENT_EVENTS_KEPT).describe('Oldest first.'),
  })
  .meta({ title: 'Runner runtime', description: 'The work of the runner in one repository.' });

/** A valid runtime record. */
export type RunnerRuntime = z.output<typeof runnerRuntimeSchema>;
export type RuntimeJob = z.output<typeof runtimeJobSchema>;
export type RuntimeEvent = z.output<typeof runtimeEventSchema>;
