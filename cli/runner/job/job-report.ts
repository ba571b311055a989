/** What became of one claimed job: every part of the JSON document that `runner work --json` prints for it. */

import type { RunnerRuntime } from '../../../spec/local/runner-runtime.ts';
import type { JsonBody } from './hosted-api.ts';
import type { ShownPlacement } from './placement-view.ts';
import type { RepoSelection } from './routing.ts';

/** The `worker` block: the agent's run, with its last 64 Ki characters of output. */
export interface WorkerBlock {
  ok: boolean;
  exitCode: number | null;
  stdout: string;
  stderr: string;
  body: string;
  summary: string;
  /** Program and arguments, joined by spaces: for people to read, never to be run. */
  command: string;
}

export interface JobReport extends ShownPlacement {
  ok: boolean;
  /** What was reported, or would have been; `returned`: it went back to the queue. */
  outcome: 'completed' | 'failed' | 'cancelled' | 'returned';
  /** Epoch ms. */
  endedAt: number;
  /** From the claim to the result that the server took. */
  tookMs: number;
  /** As the server sent it. */
  job: JsonBody;
  lease: { lease_id: string; lease_expires_at_utc: string };
  repoSelection: RepoSelection;
  startResponse: JsonBody | null;
  completeResponse: JsonBody | null;
  /** Absent when no repository matched. */
  messageResponse?: JsonBody | null;
  /** Absent when the agent was not attempted. */
  heartbeatError?: string;
  /** Absent when the agent did not run. */
  logsResponse?: JsonBody | null;
  worker?: WorkerBlock;
  /** Absent unless the job succeeded. */
  syncResult?: JsonBody | null;
  syncError?: string;
  /** Absent when the job succeeded. */
  error?: string;
  runtime: RunnerRuntime | null;
  /** Relative to `--repo-root` when it is inside. */
  runtimePath: string;
}

/** How the work on one claimed job ended. */
export type JobEnd =
  | { kind: 'reported'; report: JobReport }
  /** The job went back to the queue before anything of it ran. */
  | { kind: 'put_back' };
