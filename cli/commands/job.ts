/** `orp job …`: the owner's side of the queue. Nothing here needs a runner on this machine. */

import { type Command, Option } from 'commander';
import {
  JOB_KINDS,
  LEASE_LOSS_POLICIES,
  MAX_ATTEMPTS_LIMIT,
  MAX_PRIORITY,
  MAX_TIMEOUT_SECONDS,
  MIN_PRIORITY,
  SESSION_FALLBACKS,
} from '../../spec/job/kinds.ts';
import { MOST_WAIT_SECONDS, wholeNumberOption } from '../base/whole-number.ts';
import type { CommonOptions } from '../output/context.ts';
import type { LogsOptions } from './job-logs.ts';
import type { OrderOptions, WaitOptions } from './job-order.ts';
import type { SubmitOptions } from './job-submit.ts';
import type { ListOptions } from './job-types.ts';
import { type Shell, withCommonOptions } from './shell.ts';

/** Registers the group. The work of each command is loaded when it is asked for. */
export function registerJob(group: Command, shell: Shell): void {
  registerSubmit(group, shell);
  registerReading(group, shell);
  registerOrders(group, shell);
}

function registerSubmit(group: Command, shell: Shell): void {
  withCommonOptions(
    group
      .command('submit')
      .description('queue a prompt for a linked session; inside a linked repository: for that one')
      .argument('[prompt]', 'the prompt, or - to read it from stdin')
      .option('--file <path>', 'read the prompt from a file')
      .option('--idea-id <id>', 'idea it belongs to')
      .option('--world-id <id>', 'world of the idea')
      .option('--machine-id <id>', 'machine that must run it')
      .option('--project-root <path>', 'repository on that machine')
      .option('--orp-session-id <id>', 'linked session that gets the prompt')
      .option('--codex-session-id <id>', 'the same, by the id of its agent')
      .option('--anywhere', 'no target: any of your machines may take it')
      .addOption(
        new Option(
          '--session-fallback <where>',
          'when that session cannot take it: its primary one, or none',
        ).choices([...SESSION_FALLBACKS]),
      )
      .addOption(
        wholeNumberOption({
          flags: '--priority <number>',
          description: 'higher goes first',
          min: MIN_PRIORITY,
          max: MAX_PRIORITY,
        }),
      )
      .option('--not-before <when>', 'a time (2026-04-01T18:00Z), or from now: 30s, 15m, 2h, 1d')
      .option('--expires-at <when>', 'when it must not start any more (default: in 7 days)')
      .addOption(
        new Option(
          '--on-lease-loss <policy>',
          'when its machine goes silent while working: run it again, or hold',
        ).choices([...LEASE_LOSS_POLICIES]),
      )
      .addOption(
        wholeNumberOption({
          flags: '--max-attempts <number>',
          description: 'automatic attempts',
          min: 1,
          max: MAX_ATTEMPTS_LIMIT,
        }),
      )
      .addOption(
        wholeNumberOption({
          flags: '--timeout-seconds <number>',
          description: 'time limit of the agent',
          min: 1,
          max: MAX_TIMEOUT_SECONDS,
        }),
      )
      .option(
        '--idempotency-key <key>',
        'the same key brings the same job, for 30 days; times are then given in full',
      ),
  ).action((prompt: string | undefined, options: SubmitOptions) =>
    shell.run(options, async (context) => (await import('./job-submit.ts')).submit(context, prompt, options)),
  );
}

function registerReading(group: Command, shell: Shell): void {
  withCommonOptions(
    group
      .command('list')
      .description('list your jobs, newest first')
      .option('--status <statuses>', 'one or several with commas; `live`: all that have not ended')
      .addOption(new Option('--kind <kind>', 'kind of job').choices([...JOB_KINDS]))
      .option('--idea-id <id>', 'jobs of this idea')
      .option('--machine-id <id>', 'jobs of this machine')
      .addOption(
        wholeNumberOption({
          flags: '--limit <count>',
          description: 'jobs on a page',
          min: 1,
          max: 200,
          default: 25,
        }),
      )
      .option('--cursor <cursor>', 'the `next_cursor` of the page before'),
  ).action((options: ListOptions) =>
    shell.run(options, async (context) => (await import('./job-list.ts')).list(context, options)),
  );
  withCommonOptions(
    group.command('show').description('show a job with its whole story').argument('<job-id>'),
  ).action((id: string, options: CommonOptions) =>
    shell.run(options, async (context) => (await import('./job-list.ts')).show(context, id)),
  );
  withCommonOptions(
    group
      .command('logs')
      .description('print what the agent said and did')
      .argument('<job-id>')
      .option('--follow', 'go on until the job has ended, through outages of the server')
      .addOption(
        wholeNumberOption({
          flags: '--timeout <seconds>',
          description: 'with --follow: give up after this long',
          min: 1,
          max: 7 * MOST_WAIT_SECONDS,
        }),
      ),
  ).action((id: string, options: LogsOptions) =>
    shell.run(options, async (context) => (await import('./job-logs.ts')).logs(context, id, options)),
  );
}

function registerOrders(group: Command, shell: Shell): void {
  withCommonOptions(
    group
      .command('wait')
      .description('wait until a job has ended; exit 0 when it completed, 1 when not')
      .argument('<job-id>')
      .addOption(
        wholeNumberOption({
          flags: '--timeout <seconds>',
          description: 'give up after this long',
          min: 1,
          max: 7 * MOST_WAIT_SECONDS,
          default: 3600,
          raisesLow: true,
        }),
      ),
  ).action((id: string, options: WaitOptions) =>
    shell.run(options, async (context) => (await import('./job-order.ts')).wait(context, id, options)),
  );
  withCommonOptions(
    group
      .command('cancel')
      .description('cancel a job; its agent is stopped')
      .argument('<job-id>')
      .option('--reason <text>', 'why'),
  ).action((id: string, options: OrderOptions) =>
    shell.run(options, async (context) => (await import('./job-order.ts')).cancel(context, id, options)),
  );
  withCommonOptions(
    group
      .command('retry')
      .description('run a job again')
      .argument('<job-id>')
      .option('--reason <text>', 'why'),
  ).action((id: string, options: OrderOptions) =>
    shell.run(options, async (context) => (await import('./job-order.ts')).retry(context, id, options)),
  );
}
