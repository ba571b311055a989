/** The data and interfaces that all parts of the runner share: the machine, the server, the agents and the limits. */

import type { RunnerMachine } from '../../../spec/local/runner-machine.ts';
import type { Agent, DrivenWay } from '../../agents/agent.ts';
import type { Reporter } from '../../base/reporter.ts';
import type { PolicyLimits } from '../../policy/owner-policy.ts';
import type { LinkedRepository } from '../../records/sync-payload.ts';
import type { ProcessMark } from '../process/process-table.ts';
import type { StopReason, StopSwitch } from '../process/stop-switch.ts';
import type { StopGraces } from '../process/terminate.ts';
import type { ResultRecord } from '../spool/records.ts';
import type { ClaimPause } from './claim-pause.ts';
import type { ClaimedJob } from './claimed-job.ts';
import type { Held, HostedApi, JsonBody } from './hosted-api.ts';
import type { Placement } from './workplace.ts';

/** The decision of the owner's policy about a job: a refusal, or the limits for its agent. */
export type JobVerdict =
  | { kind: 'refused'; result: ResultRecord }
  | { kind: 'passed'; limits: PolicyLimits }
  /** The runner asked a person, who did not answer. */
  | { kind: 'unanswered' }
  /** No person answered, because the job was cancelled, its lease was lost, or the runner exits. */
  | { kind: 'stopped'; reason: StopReason };

/** The lease of a job while the runner asks a person about the job. */
export interface AskedLease {
  readonly held: Held;
  readonly stopSwitch: StopSwitch;
  /** Sets whether heartbeats report that a person is being asked. */
  setAsking(isAsking: boolean): void;
}

/** Asks the owner's policy, and perhaps a person, before a job starts. */
export type JobGate = (
  job: ClaimedJob,
  placement: Extract<Placement, { kind: 'placed' }>,
  lease: AskedLease,
) => Promise<JobVerdict>;

/** The files that recorded a heartbeat, for documents. Paths are relative to the repository. */
export interface BeatRecord {
  machine: RunnerMachine;
  machine_path: string;
  repo_runner_path: string;
  repo_runtime_path: string;
}

/** A lease that a heartbeat has renewed. */
export interface KeptLease {
  held: Held;
  /** The unchanged text from the server. */
  expiresAt: string | undefined;
}

/** The local records that the runner reads and changes. */
export interface LocalState {
  /** Returns whether the runner is still enabled on this machine. */
  isEnabled(): Promise<boolean>;
  /** Remembers the current sign-in. The returned function tells whether the sign-in has changed since. */
  watchSignIn(): () => boolean;
  /**
   * Records an answered heartbeat in `machine.json`, and in the repository if one is given.
   * @param kept the renewed lease; absent for the heartbeat of an idle runner
   */
  recordBeat(linked?: LinkedRepository, kept?: KeptLease): Promise<BeatRecord | undefined>;
  /** Sends the linked repositories to the server. Returns the JSON document of the sync. */
  sync(): Promise<JsonBody>;
  /** Sends the changes of links and sessions that the server has not received. */
  catchUp?(): Promise<void>;
}

/** The agents that this runner drives. Without a name, the functions use the default agent. */
export interface Agents {
  find(name?: string): Promise<Agent | undefined>;
  /** Called before a job's prompt is entered, with how the runner drives the agent. */
  onWay?: (driven: DrivenWay, jobId: string) => void;
  /** Called when the runner exits. */
  end?(): Promise<void>;
}

export interface WorkContext {
  env: NodeJS.ProcessEnv;
  machine: RunnerMachine;
  service: HostedApi;
  agents: Agents;
  local: LocalState;
  /** The pause while the agent cannot take work. */
  claimPause: ClaimPause;
  reporter: Reporter;
  /** Secret values that must not leave this machine. */
  secrets: readonly string[];
  heartbeatMs: number;
  /** How long the delivery of a result may delay the next job. After that time, the result waits in the spool. */
  deliveryLimitMs: number;
  /** Identifies this process, so that another runner can see that it is alive. */
  self: ProcessMark;
  graces?: StopGraces;
  /** How long an agent may print nothing. 0 disables the limit. If absent, the default applies. */
  silenceLimitMs?: number | undefined;
  gate?: JobGate;
  /** Returns whether the runner is finishing its jobs and claims no new ones. */
  isDraining(): boolean;
  /** Aborts when the agents must stop, too. */
  shutdown: AbortSignal;
}
