/** What every part of the runner's work shares: the machine, the server, the agent, and the limits. */

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

/** What the owner's rules say of a job: a result that refuses it, or what its agent is held to. */
export type JobVerdict =
  | { kind: 'refused'; result: ResultRecord }
  | { kind: 'passed'; limits: PolicyLimits }
  /** A person was asked and did not answer. */
  | { kind: 'unanswered' }
  /** The job was cancelled, its lease is gone, or the runner ends: nobody decided. */
  | { kind: 'stopped'; reason: StopReason };

/** The lease of a job, while a person is asked about it. */
export interface AskedLease {
  readonly held: Held;
  readonly stopSwitch: StopSwitch;
  /** Heartbeats say that a person is being asked. */
  setAsking(isAsking: boolean): void;
}

/** Asks the owner's rules about a job, and perhaps a person, before the job is started. */
export type JobGate = (
  job: ClaimedJob,
  placement: Extract<Placement, { kind: 'placed' }>,
  lease: AskedLease,
) => Promise<JobVerdict>;

/** What a heartbeat was recorded in, as documents show it; paths are relative to the repository. */
export interface BeatRecord {
  machine: RunnerMachine;
  machine_path: string;
  repo_runner_path: string;
  repo_runtime_path: string;
}

/** A lease that a heartbeat has renewed. */
export interface KeptLease {
  held: Held;
  /** As the server sent it. */
  expiresAt: string | undefined;
}

/** The linked state of this machine, as the runner changes it. */
export interface LocalState {
  /** Whether the owner still allows this machine to work. */
  isEnabled(): Promise<boolean>;
  /** Remembers the current sign-in; the function returns whether there has been another one since. */
  watchSignIn(): () => boolean;
  /**
   * Records a heartbeat that the server answered in `machine.json`, and in the repository when there is one.
   * @param kept the lease that it keeps; absent: the heartbeat of an idle runner
   */
  recordBeat(linked?: LinkedRepository, kept?: KeptLease): Promise<BeatRecord | undefined>;
  /** Sends the linked repositories to the server; returns the document of that sync. */
  sync(): Promise<JsonBody>;
}

/** The agents that this runner drives. Without a name: the default one. */
export interface Agents {
  find(name?: string): Promise<Agent | undefined>;
  /** Hears in which way the prompt of a job is entered. */
  onWay?: (driven: DrivenWay, jobId: string) => void;
  /** The runner ends. */
  end?(): Promise<void>;
}

export interface WorkContext {
  env: NodeJS.ProcessEnv;
  machine: RunnerMachine;
  service: HostedApi;
  agents: Agents;
  local: LocalState;
  /** Why the agent takes no work now. */
  claimPause: ClaimPause;
  reporter: Reporter;
  /** Values that must not leave this machine. */
  secrets: readonly string[];
  heartbeatMs: number;
  /** How long the delivery of a result may delay the next job; after that the result waits in the spool. */
  deliveryLimitMs: number;
  /** This process, so that another runner recognizes that it is alive. */
  self: ProcessMark;
  graces?: StopGraces;
  /** How long an agent may print nothing. 0: no limit; absent: the default. */
  silenceLimitMs?: number | undefined;
  gate?: JobGate;
  /** The runner is finishing: it claims nothing more. */
  isDraining(): boolean;
  /** Aborts when the person wants the agents stopped as well. */
  shutdown: AbortSignal;
}
