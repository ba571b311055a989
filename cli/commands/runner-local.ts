/** `orp runner enable|disable|status|heartbeat|sync`. */

import type { Command } from 'commander';
import { displayPath } from '../files/paths.ts';
import { isLinkable, repoRunnerPath } from '../git/repository.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { said } from '../output/page.ts';
import { printResult } from '../output/print.ts';
import { copyMachineTo, updateMachine } from '../records/machine.ts';
import { readRemoteSession } from '../records/sign-in-record.ts';
import { machinePlace, type StatusOptions, status } from './runner-status.ts';
import { linkedRootOption, type Shell, withCommonOptions, withJson } from './shell.ts';

interface SyncOptions extends CommonOptions {
  linkedProjectRoot: string[];
  allLinked?: boolean;
}

const AFTER_STATUS = `
The report covers the service, the runner, its channel, the job, unsent results and the policy, and suggests the next step.
Without --hosted, the command makes no network request. It always exits 0; scripts should read --json.`;

export function registerRunnerLocal(group: Command, shell: Shell): void {
  withJson(group.command('enable').description('allow this machine to run jobs')).action(
    (options: CommonOptions) => shell.run(options, (context) => setEnabled(context, true)),
  );
  withJson(group.command('disable').description('forbid this machine to run jobs')).action(
    (options: CommonOptions) => shell.run(options, (context) => setEnabled(context, false)),
  );
  withCommonOptions(
    group
      .command('status')
      .description('show whether this machine can run jobs, and what it is doing')
      .option('--hosted', 'also ask the server whether it can wake this machine')
      .addHelpText('after', AFTER_STATUS),
  ).action((options: CommonOptions & StatusOptions) =>
    shell.run(options, (context) => status(context, options)),
  );
  withCommonOptions(
    group.command('heartbeat').description('report to the server that this machine is online'),
  ).action((options: CommonOptions) =>
    shell.run(options, async (context) => (await import('./runner-report.ts')).sendHeartbeat(context)),
  );
  withCommonOptions(
    group
      .command('sync')
      .description('send the linked repositories and sessions to the server')
      .addOption(linkedRootOption('another linked repository to include'))
      .option('--all-linked', 'include every repository linked on this machine'),
  ).action((options: SyncOptions) =>
    shell.run(options, async (context) =>
      (await import('./runner-report.ts')).sync(context, await syncRoots(context, options)),
    ),
  );
}

/** Returns the repositories to sync. Missing repositories stay in the list, and the sync skips and reports them. */
async function syncRoots(
  context: Context,
  options: SyncOptions,
): Promise<{ roots: string[]; isWhole: boolean }> {
  if (!options.allLinked) return { roots: options.linkedProjectRoot, isWhole: false };
  const { findLinkedRoots } = await import('../records/linked-roots.ts');
  const { roots, warnings, isWhole } = await findLinkedRoots(context.env);
  for (const warning of warnings) context.warn(warning);
  return { roots: [...options.linkedProjectRoot, ...roots], isWhole };
}

export async function setEnabled(context: Context, enabled: boolean): Promise<void> {
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
  printResult(context, document, {
    lines: [
      ['runner.enabled', machine.record.runner_enabled],
      ['machine.id', machine.record.machine_id],
      ['machine.path', machine.path],
      ['repo.runner_path', path],
    ],
    page: () => [
      said(
        'done',
        enabled
          ? `${machine.record.machine_name} may run jobs.`
          : `${machine.record.machine_name} runs no jobs.`,
      ),
      enabled ? said('next', 'orp runner sync') : '',
    ],
  });
}
