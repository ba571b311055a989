/** The JSON document that `runner work --json` prints for one claimed job. */

import type { RunnerRuntime } from '../../../spec/local/runner-runtime.ts';
import type { JsonBody } from './hosted-api.ts';
import type { ShownPlacement } from './placement-view.ts';
import type { RepoSelection } from './routing.ts';

/** The `worker` block: the run of the agent, with the last 64 Ki characters of its output. */
export interface WorkerBlock {
  ok: boolean;
  exitCode: number | null;
  stdout: string;
  stderr: string;
  body: string;
  summary: string;
  /** The program and its arguments, joined by spaces. Only for display; it must not be run. */
  command: string;
}

export interface JobReport extends ShownPlacement {
  ok: boolean;
  /** The reported outcome, or the outcome that would have been reported. `returned`: the job went back to the queue. */
  outcome: 'completed' | 'failed' | 'cancelled' | 'returned';
  /** Epoch ms. */
  endedAt: number;
  /** The time from the claim until the server accepted the result. */
  tookMs: number;
  /** The unchanged job from the server. */
  job: JsonBody;
  lease: { lease_id: string; lease_expires_at_utc: string };
  repoSelection: RepoSelection;
  startResponse: JsonBody | null;
  completeResponse: JsonBody | null;
  /** Absent if no repository matched. */
  messageResponse?: JsonBody | null;
  /** Absent if the runner did not try to start the agent. */
  heartbeatError?: string;
  /** Absent if the agent did not run. */
  logsResponse?: JsonBody | null;
  worker?: WorkerBlock;
  /** Absent unless the job succeeded. */
  syncResult?: JsonBody | null;
  syncError?: string;
  /** Absent if the job succeeded. */
  error?: string;
  runtime: RunnerRuntime | null;
  /** Relative to `--repo-root` if the path is inside that folder. */
  runtimePath: string;
}

/** How the work on one claimed job ended. */
export type JobEnd =
  | { kind: 'reported'; report: JobReport }
  /** The job went back to the queue before the agent started. */
  | { kind: 'put_back' };
