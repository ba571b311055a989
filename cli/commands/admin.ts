/** `orp admin …`: commands for operators, over all accounts. The server refuses everybody else. */

import { type Command, Option } from 'commander';
import { JOB_KINDS } from '../../spec/job/kinds.ts';
import { AUDIT_ACTIONS } from '../../spec/overview/audit.ts';
import { BULK_ACTIONS, BULK_FROM } from '../../spec/overview/bulk.ts';
import { MACHINE_STATES } from '../../spec/overview/machine-state.ts';
import { wholeNumberOption } from '../base/whole-number.ts';
import type { CommonOptions } from '../output/context.ts';
import type { AlertOptions } from './admin-alerts.ts';
import type { AuditOptions } from './admin-audit.ts';
import type { BulkOptions } from './admin-bulk.ts';
import type { LimitOptions } from './admin-limits.ts';
import type { MachineOptions } from './admin-machines.ts';
import type { AccountsOptions, InviteOptions, OrderOptions } from './admin-people.ts';
import { type Shell, withCommonOptions } from './shell.ts';

/** Registers the group. Each command loads its code only when it runs. */
export function registerAdmin(group: Command, shell: Shell): void {
  registerMachines(group, shell);
  withCommonOptions(
    group
      .command('alerts')
      .description('show the alerts for operators, with their meaning and the next step')
      .option('--strict', 'exit with status 1 when there is an alert'),
  ).action((options: AlertOptions) =>
    shell.run(options, async (context) => (await import('./admin-alerts.ts')).alerts(context, options)),
  );
  registerPeople(group, shell);
  registerAudit(group, shell);
  registerBulk(group.command('bulk').description('cancel or requeue all jobs that match a filter'), shell);
}

function registerMachines(group: Command, shell: Shell): void {
  withCommonOptions(
    group
      .command('machines')
      .description('list the machines of all accounts')
      .option('--q <text>', 'part of the id, the name or the e-mail address')
      .option('--account <account>', 'id or e-mail address of one account')
      .addOption(new Option('--state <state>', 'only machines in this state').choices([...MACHINE_STATES]))
      .option('--app-version <version>', 'version of orp on the machine')
      .option('--platform <platform>', 'operating system, such as darwin or linux')
      .addOption(
        wholeNumberOption({
          flags: '--limit <count>',
          description: 'number of machines on one page',
          min: 1,
          max: 100,
          default: 50,
        }),
      )
      .option('--cursor <cursor>', '`next_cursor` from the previous page'),
  ).action((options: MachineOptions) =>
    shell.run(options, async (context) => (await import('./admin-machines.ts')).machines(context, options)),
  );
}

function registerAudit(group: Command, shell: Shell): void {
  withCommonOptions(
    group
      .command('audit')
      .description('list who did what, from where, and when, newest first')
      .option(
        '--account <account>',
        'id or e-mail address of one account; lists the jobs that it queued, too',
      )
      .addOption(new Option('--action <action>', 'only this action').choices(AUDIT_ACTIONS))
      .addOption(
        wholeNumberOption({
          flags: '--limit <count>',
          description: 'entries on one page',
          min: 1,
          max: 100,
          default: 50,
        }),
      )
      .option('--cursor <cursor>', '`next_cursor` from the previous page'),
  ).action((options: AuditOptions) =>
    shell.run(options, async (context) => (await import('./admin-audit.ts')).audit(context, options)),
  );
}

function registerPeople(group: Command, shell: Shell): void {
  const load = () => import('./admin-people.ts');
  withCommonOptions(
    group
      .command('invite')
      .description('create a one-time link with which a person creates an account')
      .addOption(
        new Option('--role <role>', 'role of the account').choices(['member', 'operator']).default('member'),
      )
      .option('--email <email>', 'only for this e-mail address (default: for any)'),
  ).action((options: InviteOptions) =>
    shell.run(options, async (context) => (await load()).invite(context, options)),
  );
  const invitations = withCommonOptions(
    group.command('invitations').description('list the invitations, or revoke one'),
  ).action((options: CommonOptions) =>
    shell.run(options, async (context) => (await load()).invitations(context)),
  );
  withCommonOptions(
    invitations
      .command('revoke')
      .description('revoke an open invitation')
      .argument('<invitation-id>', 'complete id from the list'),
  ).action((id: string, options: CommonOptions) =>
    shell.run({ ...invitations.opts(), ...options }, async (context) =>
      (await load()).revokeInvitation(context, id),
    ),
  );
  withCommonOptions(
    group
      .command('accounts')
      .description('list the accounts of the server')
      .option('--account <account>', 'id or e-mail address of one account')
      .addOption(
        wholeNumberOption({
          flags: '--limit <count>',
          description: 'accounts on one page',
          min: 1,
          max: 100,
          default: 50,
        }),
      )
      .option('--cursor <cursor>', '`next_cursor` from the previous page'),
  ).action((options: AccountsOptions) =>
    shell.run(options, async (context) => (await load()).accounts(context, options)),
  );
  registerLimits(group, shell);
  for (const verb of ['disable', 'enable'] as const) {
    withOrder(group.command(verb).description(ORDERS[verb])).action(
      (account: string, options: OrderOptions) =>
        shell.run(options, async (context) =>
          (await load()).setAccount(context, verb, { ...options, account }),
        ),
    );
  }
  withOrder(group.command('reset-password').description(ORDERS.reset)).action(
    (account: string, options: OrderOptions) =>
      shell.run(options, async (context) => (await load()).resetPassword(context, { ...options, account })),
  );
}

function registerLimits(group: Command, shell: Shell): void {
  const collect = (word: string, before: string[] = []) => [...before, word];
  withCommonOptions(
    group
      .command('limits')
      .description('list the accounts that are near a limit, or change the limits of one account')
      .argument('[account]', 'id or e-mail address')
      .option('--set <name=number>', 'set a limit, such as queuedJobs=100; repeatable', collect)
      .option('--default <name>', 'restore a limit of the server, or `all`; repeatable', collect)
      .option('--reason <text>', 'reason, kept in the audit log')
      .option('--cursor <cursor>', '`next_cursor` from the previous page'),
  ).action((account: string | undefined, options: LimitOptions) =>
    shell.run(options, async (context) =>
      (await import('./admin-limits.ts')).limits(context, account, options),
    ),
  );
}

const ORDERS = {
  disable: 'keep an account from signing in and working; its queued jobs wait',
  enable: 'let a disabled account sign in and work again',
  reset: 'create a one-time link with which a person sets a new password',
} as const;

function withOrder(command: Command): Command {
  return withCommonOptions(
    command
      .argument('<account>', 'id or e-mail address')
      .option('--reason <text>', 'reason, kept in the audit log'),
  );
}

const MEANING = {
  cancel: 'cancel all jobs that match',
  requeue: 'queue lost and failed jobs that match again',
} as const;

const AFTER_HELP = `
Without --count, the command only counts the jobs that match. With --name and --count, it starts a run: the server refuses
it when more jobs match than you saw, and orders none that was queued later. The run continues if you press Ctrl-C.`;

function registerBulk(bulk: Command, shell: Shell): void {
  for (const action of BULK_ACTIONS) {
    withCommonOptions(
      bulk
        .command(action)
        .description(MEANING[action])
        .option('--account <account>', 'id or e-mail address of one account (default: all accounts)')
        .option('--status <statuses>', `statuses, separated by commas (${BULK_FROM[action].join(', ')})`)
        .addOption(new Option('--kind <kind>', 'kind of the job').choices([...JOB_KINDS]))
        .option('--idea-id <id>', 'complete id of an idea')
        .option('--machine-id <id>', 'complete id of the machine that holds the job, or that it names')
        .option('--name <name>', 'name of the run; a repeated order with the same name starts no second run')
        .addOption(
          wholeNumberOption({
            flags: '--count <count>',
            description: 'number of matching jobs that the dry run showed',
            min: 0,
            max: 1_000_000_000,
          }),
        )
        .option('--reason <text>', 'reason, kept in the audit log of each job')
        .addHelpText('after', AFTER_HELP),
    ).action((options: BulkOptions) =>
      shell.run(options, async (context) =>
        (await import('./admin-bulk.ts')).order(context, action, options),
      ),
    );
  }
  withCommonOptions(
    bulk
      .command('show')
      .description('show the progress of a run, or list the newest runs')
      .argument('[name]', 'name of a run'),
  ).action((name: string | undefined, options: CommonOptions) =>
    shell.run(options, async (context) => (await import('./admin-bulk.ts')).show(context, name)),
  );
  withCommonOptions(
    bulk
      .command('abort')
      .description('abort a run; jobs that it has already changed stay changed')
      .argument('<name>', 'name of the run'),
  ).action((name: string, options: CommonOptions) =>
    shell.run(options, async (context) => (await import('./admin-bulk.ts')).abort(context, name)),
  );
}
