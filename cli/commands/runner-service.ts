/** `orp runner install|uninstall|restart|logs`: the runner as an operating-system service of this user. */

import { existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { CliError } from '../base/exit.ts';
import { shellWord } from '../base/shell-word.ts';
import { MOST_WAIT_SECONDS, wholeNumberOption } from '../base/whole-number.ts';
import { PRIVATE_MODE, readText, writeTextFile } from '../files/json-file.ts';
import { makeFolder } from '../files/private-folder.ts';
import { isLinkable } from '../git/repository.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { advicePage, facts, said } from '../output/page.ts';
import { type Line, printResult } from '../output/print.ts';
import { loadMachine, requireEnabled } from '../records/machine.ts';
import { requireAuth } from '../records/sign-in-record.ts';
import { stopAllServers } from '../runner/agent-server/own-server.ts';
import { letServiceLeave } from '../service/leave.ts';
import { type ServiceManager, serviceManager } from '../service/service-manager.ts';
import { servicePath } from '../service/service-place.ts';
import { planService, serviceLog } from '../service/service-plan.ts';
import { installWarnings } from './install-warnings.ts';
import { type Shell, withJson } from './shell.ts';

interface WaitOptions extends CommonOptions {
  wait: number;
}

interface LogsOptions extends CommonOptions {
  follow?: boolean;
  lines: number;
}

/** How long the command waits for running jobs. A job may take longer, and then the user can run the command again. */
const WAIT_SECONDS = 120;

export function registerRunnerService(group: Command, shell: Shell): void {
  addWaiting(
    group
      .command('install')
      .description('install the runner as a user service that starts at login and restarts after a crash')
      .argument('[work-options...]', 'options for `orp runner work`, after -- (default: --all-linked)')
      .usage('[options] [-- <options of orp runner work>]')
      .addHelpText('after', AFTER_INSTALL),
  ).action((words: string[], options: WaitOptions) =>
    shell.run(options, (context) => install(context, words, options)),
  );
  addWaiting(
    group
      .command('uninstall')
      .description('stop and remove the service, but keep its log')
      .addHelpText('after', AFTER_WAITING),
  ).action((options: WaitOptions) => shell.run(options, (context) => uninstall(context, options)));
  addWaiting(
    group
      .command('restart')
      .description('restart the service after it finishes its job')
      .addHelpText('after', AFTER_WAITING),
  ).action((options: WaitOptions) => shell.run(options, (context) => restart(context, options)));
  withJson(
    group
      .command('logs')
      .description('show the service log')
      .option('-f, --follow', 'continue until Ctrl-C')
      .addOption(
        wholeNumberOption({
          flags: '-n, --lines <number>',
          description: 'number of lines to show, from the end',
          min: 0,
          max: 1_000_000,
          default: 50,
        }),
      )
      .addHelpText('after', AFTER_LOGS),
  ).action((options: LogsOptions) =>
    shell.run(options, async (context) => {
      const { printLog } = await import('../service/print-log.ts');
      const definition = servicePath(context.env, process.platform);
      const isInstalled = () => definition !== undefined && existsSync(definition);
      await printLog(context, { ...options, path: serviceLog(context.env), isInstalled });
    }),
  );
  group
    .command('serve', { hidden: true })
    .description('entry point of the service')
    .argument('[options...]')
    .action((words: string[]) =>
      shell.run({}, async (context) => {
        const { serve } = await import('./serve.ts');
        const { plan } = planOf(context, words, undefined);
        const surroundings = { ...shell.surroundings, env: context.env };
        const logPath = serviceLog(context.env);
        return serve({ surroundings, repoRoot: context.repoRoot, words, logPath, crashLog: plan.crashLog });
      }),
    );
}

const AFTER_INSTALL = `
Writes a LaunchAgent (macOS) or a systemd user unit (Linux) with the PATH and settings of this shell, and starts it.
Run it again after upgrading Node or to change options. A running job finishes first.`;

const AFTER_WAITING = `
The service finishes its job first and claims no new ones. If that takes longer than --wait, the command exits 2; run it
again later. Runners that were started at a terminal are not affected.`;

const AFTER_LOGS = `
The log is runner.log plus three older files of 5 MB in $XDG_STATE_HOME/orp/log (~/.local/state/orp/log). Crash output is
in runner-crash.log in the same folder on macOS, and in \`journalctl --user -u orp-runner\` with systemd.
--json prints one document, or with --follow one document per line.`;

function addWaiting(command: Command): Command {
  return withJson(command).addOption(
    wholeNumberOption({
      flags: '--wait <seconds>',
      description: 'maximum wait for the running job',
      min: 0,
      max: MOST_WAIT_SECONDS,
      default: WAIT_SECONDS,
    }),
  );
}

async function install(context: Context, words: string[], options: WaitOptions): Promise<void> {
  const { env } = context;
  const machine = requireEnabled(await loadMachine({ env, now: context.now() }));
  requireAuth(env);
  const { readWorkWords } = await import('./work-words.ts');
  const asked = readWorkWords(words.length > 0 ? words : ['--all-linked'], context);
  const repository = await context.repository();
  const root = isLinkable(repository) ? repository.root : undefined;
  const manager = managerOf(context);
  const state = await manager.state();
  const { plan, warnings } = planOf(context, asked.words, root);
  const content = manager.render(plan);
  const before = readText(manager.path);
  let action: 'installed' | 'updated' | 'started' | 'unchanged' = 'unchanged';
  if (before === content && state !== 'absent') {
    if (state === 'loaded') {
      action = 'started';
      await manager.start();
    }
  } else {
    action = before === undefined ? 'installed' : 'updated';
    if (state !== 'absent') {
      await leave(context, machine.machine_id, options);
      await manager.unload();
    }
    makeFolder(dirname(plan.crashLog));
    // A proxy URL may contain a password.
    writeTextFile(manager.path, content, PRIVATE_MODE);
    await manager.load();
  }
  const notes = await manager.notes();
  const document = {
    ok: true,
    action,
    manager: manager.name,
    path: manager.path,
    program: plan.program,
    log_path: serviceLog(env),
    warnings: [...warnings, ...(await installWarnings(context, { plan, options: asked.options, root }))],
    notes,
  };
  printResult(context, document, {
    lines: [
      ['service', SENTENCES[action]],
      ['service.manager', manager.name],
      ['service.path', manager.path],
      ['service.runs', `orp runner work ${asked.words.map(shellWord).join(' ')}`],
      ['service.log', document.log_path],
      ...document.warnings.map((text): Line => ['warning', text]),
      ...notes.map((text): Line => ['note', text]),
      ['next', 'orp runner status'],
    ],
    page: () => [
      said('done', `${manager.name} service: ${SENTENCES[action]}.`),
      facts([
        ['Runs', `orp runner work ${asked.words.map(shellWord).join(' ')}`],
        ['Definition', manager.path],
        ['Log', document.log_path],
      ]),
      advicePage({ warnings: document.warnings, notes, next_actions: ['orp runner status'] }),
    ],
  });
}

const SENTENCES = {
  installed: 'installed and started',
  updated: 'changed and restarted',
  started: 'already installed; started',
  unchanged: 'already installed',
} as const;

async function uninstall(context: Context, options: WaitOptions): Promise<void> {
  const manager = managerOf(context);
  const wasInstalled = readText(manager.path) !== undefined;
  const state = wasInstalled ? await manager.state() : 'absent';
  if (state !== 'absent') {
    await leave(context, await machineIdOf(context), options);
    await manager.unload();
  }
  rmSync(manager.path, { force: true });
  if (state !== 'absent') await manager.forget();
  await stopAllServers(context.env);
  const document = {
    ok: true,
    action: wasInstalled ? 'uninstalled' : 'unchanged',
    manager: manager.name,
    path: manager.path,
    log_path: serviceLog(context.env),
  };
  printResult(context, document, {
    lines: [
      ['service', wasInstalled ? 'uninstalled' : 'was not installed'],
      ['service.path', manager.path],
      ['service.log', document.log_path],
    ],
    page: () => [
      said('done', wasInstalled ? 'The service is uninstalled.' : 'The service was not installed.'),
      facts([['Log', document.log_path]]),
    ],
  });
}

async function restart(context: Context, options: WaitOptions): Promise<void> {
  const manager = managerOf(context);
  if (readText(manager.path) === undefined) {
    throw new CliError('The runner is not installed as a service.', {
      code: 'not_installed',
      hint: 'Run `orp runner install`. To restart a runner at a terminal, stop and start it there.',
    });
  }
  const state = await manager.state();
  const hasLeft = await leave(context, await machineIdOf(context), options);
  if (state === 'absent') await manager.load();
  // The service runs but cannot work yet, so stopping it loses nothing.
  else if (state === 'running' && !hasLeft) await manager.restart();
  else await manager.start();
  const document = {
    ok: true,
    action: state === 'running' ? 'restarted' : 'started',
    manager: manager.name,
    path: manager.path,
  };
  printResult(context, document, {
    lines: [
      ['service', document.action],
      ['service.path', manager.path],
    ],
    page: () => said('done', `Service ${document.action}.`),
  });
}

function leave(context: Context, machineId: string, { wait }: WaitOptions): Promise<boolean> {
  return letServiceLeave({
    place: { env: context.env, machineId },
    waitMs: wait * 1000,
    now: context.now,
    say: (text) => void (context.json || context.stderr.write(`${text}\n`)),
  });
}

async function machineIdOf({ env, now }: Context): Promise<string> {
  return (await loadMachine({ env, now: now() })).record.machine_id;
}

function managerOf({ env }: Context): ServiceManager {
  return serviceManager({ env, platform: process.platform, userId: process.getuid?.() ?? 0 });
}

function planOf({ env }: Context, words: readonly string[], repoRoot: string | undefined) {
  return planService({ env, node: process.execPath, script: process.argv[1] ?? 'orp', words, repoRoot });
}
