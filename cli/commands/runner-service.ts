/** `orp runner install|uninstall|restart|logs`: the runner as an operating-system service of this user. */

import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { MOST_WAIT_SECONDS, wholeNumberOption } from '../base/whole-number.ts';
import type { CommonOptions } from '../output/context.ts';
import { servicePath } from '../service/service-place.ts';
import { serviceLog } from '../service/service-plan.ts';
import { install, planOf, restart, uninstall, WAIT_SECONDS, type WaitOptions } from './service-orders.ts';
import { type Shell, withJson } from './shell.ts';

interface LogsOptions extends CommonOptions {
  follow?: boolean;
  lines: number;
}

export function registerRunnerService(group: Command, shell: Shell): void {
  addWaiting(
    group
      .command('install')
      .description('install the runner as a service that starts when you log in')
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
