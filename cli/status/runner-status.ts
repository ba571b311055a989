/** The document of `runner status`: this machine, this repository, and whether they can take jobs. */

import type { RunnerMachine } from '../../spec/local/runner-machine.ts';
import type { RunnerRuntime, RuntimeJob } from '../../spec/local/runner-runtime.ts';
import type { SessionCounts } from '../../spec/local/session-order.ts';
import { shellWord } from '../base/shell-word.ts';
import { readJsonObject } from '../files/json-file.ts';
import { displayPath } from '../files/paths.ts';
import {
  isLinkable,
  type LinkableRepository,
  type Repository,
  repoRunnerPath,
  runtimePath,
} from '../git/repository.ts';
import {
  AdviceCollector,
  type AdviceLists,
  bindCommand,
  COMMANDS,
  completeCommand,
  registerCommand,
  signInCommand,
} from '../output/advice.ts';
import { type Machine, normaliseMachine } from '../records/machine.ts';
import { readProjectLinkFile } from '../records/project-link.ts';
import { type ActiveLease, activeLease, idleRuntime, readRuntime } from '../records/runtime-record.ts';
import type { SessionSummary } from '../records/sign-in-record.ts';
import type { LinkStatus } from './link-status.ts';
import { adviseOnSituation, type RunnerSituation } from './runner-situation.ts';

export interface RunnerStatus extends AdviceLists, RunnerSituation {
  ok: true;
  machine: RunnerMachine;
  machine_path: string;
  repo_has_git: boolean;
  repo_runner: object;
  repo_runner_path: string;
  repo_runtime: RunnerRuntime;
  repo_runtime_path: string;
  active_lease: ActiveLease;
  project_link_exists: boolean;
  session_counts: SessionCounts;
  sync_ready: boolean;
  work_ready: boolean;
  hosted_auth: SessionSummary;
  link_status: LinkStatus;
  /** Why no job can run with the installed agent. */
  agent_problem: { code: string; message: string } | null;
}

interface StatusSource {
  machine: Machine;
  repository: Repository;
  linkStatus: LinkStatus;
  /** True if the link names this repository and not its old location. */
  isHere: boolean;
  situation: RunnerSituation;
  agentProblem: { code: string; message: string } | undefined;
  /** Version of this `orp`. */
  version: string;
  now: number;
}

/** Builds the document. */
export function buildRunnerStatus(source: StatusSource): RunnerStatus {
  const { machine, repository, linkStatus, isHere, situation, version, now, agentProblem: problem } = source;
  const { runtime, isTorn } = isLinkable(repository)
    ? readRuntime(repository)
    : { runtime: idleRuntime(), isTorn: false };
  const hasGit = isLinkable(repository);
  const syncReady =
    machine.record.runner_enabled &&
    hasGit &&
    linkStatus.project_link_exists &&
    linkStatus.hosted_auth.connected &&
    isHere;
  const facts: Facts = {
    ...source,
    runtime,
    isTorn,
    lease: activeLease(runtime, machine.record, now),
    syncReady,
    workReady: syncReady && linkStatus.routeable_sessions.length > 0,
  };
  const advice = adviceOn(facts);
  const isWorkReady = facts.workReady && problem === undefined && !isDrained(situation);
  adviseOnSituation(situation, { version, isWorkReady }, advice);
  advice.append(linkStatus);
  const { warnings, notes, next_actions } = advice.lists();
  return {
    ok: true,
    machine: machine.record,
    machine_path: machine.path,
    repo_has_git: hasGit,
    ...repositoryFiles(repository, runtime),
    active_lease: facts.lease,
    project_link_exists: linkStatus.project_link_exists,
    session_counts: linkStatus.session_counts,
    sync_ready: facts.syncReady,
    work_ready: facts.workReady,
    hosted_auth: linkStatus.hosted_auth,
    link_status: linkStatus,
    agent_problem: problem === undefined ? null : { code: problem.code, message: problem.message },
    ...situation,
    warnings,
    notes,
    next_actions,
  };
}

function repositoryFiles(repository: Repository, runtime: RunnerRuntime) {
  if (!isLinkable(repository)) {
    return { repo_runner: {}, repo_runner_path: '', repo_runtime: runtime, repo_runtime_path: '' };
  }
  const { root } = repository;
  return {
    repo_runner: normaliseMachine(readJsonObject(repoRunnerPath(repository)) ?? {}) ?? {},
    repo_runner_path: displayPath(root, repoRunnerPath(repository)),
    repo_runtime: runtime,
    repo_runtime_path: displayPath(root, runtimePath(repository)),
  };
}

interface Facts extends StatusSource {
  runtime: RunnerRuntime;
  isTorn: boolean;
  lease: ActiveLease;
  syncReady: boolean;
  workReady: boolean;
}

function adviceOn(facts: Facts): AdviceCollector {
  const advice = new AdviceCollector();
  for (const { message, hint } of facts.machine.repaired) {
    advice.warn(hint === undefined ? message : `${message} ${hint}`);
  }
  adviseOnMachine(facts, advice);
  adviseOnReadiness(facts, advice);
  adviseOnRuntime(facts, advice);
  return advice;
}

function adviseOnMachine({ machine, repository, linkStatus }: Facts, advice: AdviceCollector): void {
  const { record } = machine;
  // For a linked repository, the link status says so.
  if (!linkStatus.hosted_auth.connected && !linkStatus.project_link_exists) {
    advice.warn('You are not signed in.', signInCommand(linkStatus.hosted_auth));
  }
  if (!record.runner_enabled) {
    advice.warn('The runner is not enabled on this machine.', COMMANDS.enable);
  } else if (record.last_heartbeat_at_utc === undefined) {
    advice.warn('The runner has never sent a heartbeat.', COMMANDS.heartbeat);
  }
  if (!isLinkable(repository)) {
    advice.warn(`No git repository at ${repository.root}.`, COMMANDS.init);
  } else if (!linkStatus.project_link_exists && !isLinkBroken(repository)) {
    advice.warn('The repository is not linked to an idea.', bindCommand());
  }
}

/** Already in the link status. */
function isLinkBroken(repository: LinkableRepository): boolean {
  return readProjectLinkFile(repository, 0).kind === 'invalid';
}

function adviseOnReadiness(
  { linkStatus, syncReady, workReady, agentProblem, situation }: Facts,
  advice: AdviceCollector,
): void {
  if (linkStatus.project_link_exists && linkStatus.session_counts.total === 0) {
    advice.warn('No session is linked.', registerCommand({ isPrimary: true }));
  }
  if (linkStatus.project_link_exists && !linkStatus.hosted_auth.connected) {
    advice.warn(
      'The repository is linked, but hosted auth is not connected: you are not signed in.',
      signInCommand(linkStatus.hosted_auth),
    );
  }
  if (syncReady) advice.note('The machine is ready to sync.');
  if (isDrained(situation)) {
    advice.warn(
      'The server last said that this machine is drained: a runner claims no jobs.',
      'orp runner resume',
    );
    return;
  }
  if (workReady && agentProblem !== undefined) return;
  if (workReady) advice.note('The machine is ready to take jobs.');
  else if (syncReady)
    advice.warn(
      'No session can take jobs: none is active and has a Codex session id.',
      completeCommand(linkStatus.sessions, linkStatus.primary_session),
    );
}

/** Returns whether this machine knows that it is drained. Only `--hosted` asks the server. */
function isDrained({ runner }: RunnerSituation): boolean {
  return runner.drained_at_utc !== undefined;
}

function adviseOnRuntime({ runtime, isTorn, lease }: Facts, advice: AdviceCollector): void {
  if (isTorn)
    advice.warn(
      'Could not read the runtime file of the repository, so the last activity of the runner is unknown.',
    );
  const { active_job: active, last_job: last } = runtime;
  if (lease.has_active_job) advice.note(`Job ${active.job_id ?? ''} is recorded as ${runtime.status}.`);
  if (lease.stale) {
    advice.warn(
      `The active lease appears stale: job ${active.job_id ?? ''} has sent no heartbeat for ${lease.age_seconds} s.`,
      cancelCommand(active),
    );
  }
  if (last.status === 'failed')
    advice.warn(`The last job failed: ${last.error ?? last.summary ?? last.job_id ?? ''}`);
}

function cancelCommand(job: RuntimeJob): string {
  const lease = job.lease_id === undefined ? '' : ` --lease-id ${shellWord(job.lease_id)}`;
  return `orp runner cancel ${shellWord(job.job_id ?? '')}${lease}`;
}
