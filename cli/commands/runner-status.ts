/** `orp runner status`, in its own file because it must start fast. */

import { clientVersion } from '../base/version.ts';
import { isLinkable, type Repository } from '../git/repository.ts';
import type { Presence } from '../hosted/presence.ts';
import type { Context } from '../output/context.ts';
import { adviceLines, type Line, printResult } from '../output/print.ts';
import { loadMachine } from '../records/machine.ts';
import { agentLines } from '../status/agent-way.ts';
import { gatherFacts } from '../status/link-facts.ts';
import { buildLinkStatus } from '../status/link-status.ts';
import { gatherSituation, type RunnerSituation } from '../status/runner-situation.ts';
import { buildRunnerStatus, type RunnerStatus } from '../status/runner-status.ts';

/** Returns what `loadMachine` needs to find or restore the machine record. */
export function machinePlace(context: Context, repository: Repository) {
  return {
    env: context.env,
    now: context.now(),
    repository: isLinkable(repository) ? repository : undefined,
  };
}

export interface StatusOptions {
  /** If true, the command also asks the server about this machine. Otherwise it makes no request. */
  hosted?: boolean | undefined;
}

/** Gathers what this machine knows, without a request. */
export async function gatherStatus(context: Context): Promise<RunnerStatus> {
  const repository = await context.repository();
  const now = context.now();
  const { env, configPath } = context;
  const gathering = gatherFacts({ repository, configPath, env, now });
  const machine = await loadMachine(machinePlace(context, repository));
  const [gathered, situation] = await Promise.all([
    gathering,
    gatherSituation({ env, machineId: machine.record.machine_id, now }),
  ]);
  // A running runner has found its agent, perhaps in a place where this command does not search.
  const isFound = situation.runner.running && gathered.agentProblem?.code === 'agent_missing';
  const facts = isFound ? { ...gathered, agentProblem: undefined } : gathered;
  const linkStatus = buildLinkStatus(facts);
  const version = clientVersion(env);
  return buildRunnerStatus({
    machine,
    repository,
    linkStatus,
    isHere: facts.isLinkHere,
    situation,
    agentProblem: facts.agentProblem,
    version,
    now,
  });
}

/** Prints the status as one document, as lines or as a page. */
export async function status(context: Context, { hosted }: StatusOptions = {}): Promise<void> {
  const document = await gatherStatus(context);
  const presence = hosted ? await presenceOf(context, document) : undefined;
  const answer = presence === undefined ? document : { ...document, presence };
  // Load this only for people, because scripts call this command often.
  const view = context.form === 'page' ? await import('./runner-status-view.ts') : undefined;
  printResult(context, answer, {
    lines: statusLines(document, presence),
    page: () => view?.formatStatus(document, presence, context.now()) ?? '',
  });
}

async function presenceOf(context: Context, { hosted_auth, machine }: RunnerStatus): Promise<Presence> {
  if (!hosted_auth.connected) return { known: false, message: 'Not signed in.' };
  return (await import('../hosted/presence.ts')).askPresence(context, machine.machine_id);
}

function presenceLines(presence: Presence | undefined): Line[] {
  if (presence === undefined) return [];
  if (!presence.known) return [['presence.unknown', presence.message]];
  const { listening, transport, listening_since_utc: since } = presence;
  return [
    ['presence.listening', listening],
    ...(listening
      ? [['presence.transport', transport] as const, ['presence.listening_since_utc', since] as const]
      : []),
    ['presence.last_seen_at_utc', presence.last_seen_at_utc],
    ['presence.draining', presence.draining],
  ];
}

function situationLines(situation: RunnerSituation): Line[] {
  const { service, runner, channel, spool, kept, agent, last_error, policy } = situation;
  return [
    ['service.installed', service.installed],
    ['service.loaded', service.loaded],
    ['service.running', service.running],
    ['runner.running', runner.running],
    ['runner.pid', runner.pid],
    ['runner.started_by', runner.started_by],
    ['runner.version', runner.version],
    ...(runner.paused === undefined ? [] : pauseLines(runner.paused)),
    ['runner.drained', runner.drained_at_utc !== undefined],
    ['channel.transport', channel.transport],
    ['channel.listening', channel.listening],
    ['spool.leases', spool.leases],
    ['spool.bytes', spool.bytes],
    ['spool.oldest_at_utc', spool.oldest_at_utc],
    ['kept.jobs', kept.jobs],
    ['kept.path', kept.path],
    ...(agent === null ? [] : agentLines(agent)),
    ['policy.valid', policy.valid],
    ['policy.rules', policy.rules.join(',')],
    ['last_error', last_error?.message],
  ];
}

function pauseLines({ code, message, until_utc }: NonNullable<RunnerSituation['runner']['paused']>): Line[] {
  return [
    ['runner.paused', code],
    ['runner.paused_until_utc', until_utc],
    ['runner.paused_message', message],
  ];
}

function statusLines(status: RunnerStatus, presence: Presence | undefined): Line[] {
  const { machine, repo_runtime: runtime, session_counts: counts } = status;
  return [
    ['runner.enabled', machine.runner_enabled],
    ['runner.sync_ready', status.sync_ready],
    ['runner.work_ready', status.work_ready],
    ['machine.id', machine.machine_id],
    ['machine.name', machine.machine_name],
    ['machine.platform', machine.platform],
    ['machine.last_heartbeat_at_utc', machine.last_heartbeat_at_utc],
    ['machine.last_sync_at_utc', machine.last_sync_at_utc],
    ['machine.path', status.machine_path],
    ['repo.runner_path', status.repo_runner_path],
    ['repo.runtime_path', status.repo_runtime_path],
    ['runtime.status', runtime.status],
    ['runtime.active_job_id', runtime.active_job.job_id],
    ['runtime.active_lease_id', runtime.active_job.lease_id],
    ['runtime.last_job_status', runtime.last_job.status],
    ['project_linked', status.project_link_exists],
    ['sessions.total', counts.total],
    ['sessions.routeable', counts.routeable],
    ...situationLines(status),
    ...presenceLines(presence),
    ...adviceLines(status),
  ];
}
