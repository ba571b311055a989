/** `orp runner enable|disable|status|heartbeat|sync` (contract/cli-surface.md §5.1–§5.4). */

import type { Command } from 'commander';
import type { Presence } from '../client/presence.ts';
import type { CommonOptions, Context } from '../context.ts';
import { gatherFacts } from '../link/link-facts.ts';
import { buildLinkStatus } from '../link/link-status.ts';
import { copyMachineTo, loadMachine, type Machine, updateMachine } from '../link/machine.ts';
import { displayPath } from '../link/paths.ts';
import { readRemoteSession } from '../link/remote-session.ts';
import { isLinkable, type Repository, repoRunnerPath } from '../link/repository.ts';
import { gatherSituation, type RunnerSituation } from '../link/runner-situation.ts';
import { buildRunnerStatus, type RunnerStatus } from '../link/runner-status.ts';
import { adviceLines, type Line, printResult } from '../output/print.ts';
import { collect, type Shell, withCommonOptions, withJson } from '../shell.ts';
import { clientVersion } from '../version.ts';

interface SyncOptions extends CommonOptions {
  linkedProjectRoot: string[];
  allLinked?: boolean;
}

export function registerRunnerLocal(group: Command, shell: Shell): void {
  withJson(group.command('enable').description('allow this machine to work on jobs')).action(
    (options: CommonOptions) => shell.run(options, (context) => setEnabled(context, true)),
  );
  withJson(group.command('disable').description('forbid it')).action((options: CommonOptions) =>
    shell.run(options, (context) => setEnabled(context, false)),
  );
  withCommonOptions(
    group.command('status').description('show whether this machine can work, and what it does'),
  ).action((options: CommonOptions) => shell.run(options, status));
  withCommonOptions(
    group.command('heartbeat').description('tell the hosted side that this machine is alive'),
  ).action((options: CommonOptions) =>
    shell.run(options, async (context) => (await import('./runner-report.ts')).sendHeartbeat(context)),
  );
  withCommonOptions(
    group
      .command('sync')
      .description('tell the hosted side which repositories and sessions are linked')
      .option('--linked-project-root <path>', 'further linked repository; repeatable', collect, [])
      .option('--all-linked', 'also every repository that is linked on this machine'),
  ).action((options: SyncOptions) =>
    shell.run(options, async (context) =>
      (await import('./runner-report.ts')).sync(context, await syncRoots(context, options)),
    ),
  );
}

/** What is missing is skipped by the sync, which says so. */
async function syncRoots(context: Context, options: SyncOptions): Promise<string[]> {
  if (!options.allLinked) return options.linkedProjectRoot;
  const { findLinkedRoots } = await import('../link/linked-roots.ts');
  const { roots, warnings } = await findLinkedRoots(context.env);
  for (const warning of warnings) context.warn(warning);
  return [...options.linkedProjectRoot, ...roots];
}

async function setEnabled(context: Context, enabled: boolean): Promise<void> {
  const repository = await context.repository();
  const { email } = readRemoteSession(context.env);
  const machine = await updateMachine(machinePlace(context, repository), () => ({
    runner_enabled: enabled,
    ...(enabled && email !== '' ? { linked_email: email } : {}),
  }));
  for (const { message, hint } of machine.repaired) context.warn(message, enabled ? undefined : hint);
  if (isLinkable(repository)) await copyMachineTo(repository, machine.record);
  const path = isLinkable(repository) ? displayPath(repository.root, repoRunnerPath(repository)) : '';
  const document = {
    ok: true,
    machine: machine.record,
    machine_path: machine.path,
    repo_runner_path: path,
    repo_has_git: isLinkable(repository),
  };
  printResult(context, document, [
    ['runner.enabled', machine.record.runner_enabled],
    ['machine.id', machine.record.machine_id],
    ['machine.path', machine.path],
    ['repo.runner_path', path],
  ]);
}

function machinePlace(context: Context, repository: Repository) {
  return {
    env: context.env,
    now: context.now(),
    repository: isLinkable(repository) ? repository : undefined,
  };
}

async function status(context: Context): Promise<void> {
  const repository = await context.repository();
  const now = context.now();
  const { env, configPath } = context;
  const [machine, facts]: [Machine, Awaited<ReturnType<typeof gatherFacts>>] = await Promise.all([
    loadMachine(machinePlace(context, repository)),
    gatherFacts({ repository, configPath, env, now }),
  ]);
  const linkStatus = buildLinkStatus(facts);
  const situation = await gatherSituation({ env, machineId: machine.record.machine_id, now });
  const version = clientVersion(env);
  const document = buildRunnerStatus({ machine, repository, linkStatus, situation, version, now });
  const presence = await presenceOf(context, document);
  if (context.stdout.isTTY === true && !context.json) {
    const { formatStatus } = await import('./runner-status-view.ts');
    context.stdout.write(formatStatus(document, presence, now));
  } else printResult(context, { ...document, presence }, statusLines(document, presence));
}

/** Without a sign-in nobody is asked, and nothing is loaded for it. */
async function presenceOf(context: Context, { hosted_auth, machine }: RunnerStatus): Promise<Presence> {
  if (!hosted_auth.connected) return { known: false, message: 'Not signed in.' };
  return (await import('../client/presence.ts')).askPresence(context, machine.machine_id);
}

function presenceLines(presence: Presence): Line[] {
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

function situationLines({ service, runner, channel, spool, last_error, policy }: RunnerSituation): Line[] {
  return [
    ['service.installed', service.installed],
    ['service.loaded', service.loaded],
    ['service.running', service.running],
    ['runner.running', runner.running],
    ['runner.pid', runner.pid],
    ['runner.started_by', runner.started_by],
    ['runner.version', runner.version],
    ['channel.transport', channel.transport],
    ['channel.listening', channel.listening],
    ['spool.leases', spool.leases],
    ['spool.bytes', spool.bytes],
    ['spool.oldest_at_utc', spool.oldest_at_utc],
    ['policy.valid', policy.valid],
    ['policy.rules', policy.rules.join(',')],
    ['last_error', last_error?.message],
  ];
}

function statusLines(status: RunnerStatus, presence: Presence): Line[] {
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
