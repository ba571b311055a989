/** `orp job …`: commands for the owner of jobs. They need no runner on this machine. */

import { type Command, Option } from 'commander';
import {
  JOB_KINDS,
  LEASE_LOSS_POLICIES,
  MAX_ATTEMPTS_LIMIT,
  MAX_PRIORITY,
  MAX_TIMEOUT_SECONDS,
  MIN_PRIORITY,
  SESSION_FALLBACKS,
  USAGE_LIMIT_POLICIES,
} from '../../spec/job/kinds.ts';
import { MOST_WAIT_SECONDS, wholeNumberOption } from '../base/whole-number.ts';
import type { CommonOptions } from '../output/context.ts';
import type { LogsOptions } from './job-logs.ts';
import type { OrderOptions, WaitOptions } from './job-order.ts';
import type { SubmitOptions } from './job-submit.ts';
import type { ListOptions } from './job-types.ts';
import type { WatchOptions } from './job-watch.ts';
import { type Shell, withCommonOptions } from './shell.ts';

/** Registers the group. Each command loads its code only when it runs. */
export function registerJob(group: Command, shell: Shell): void {
  registerSubmit(group, shell);
  registerReading(group, shell);
  registerOrders(group, shell);
}

function registerSubmit(group: Command, shell: Shell): void {
  withCommonOptions(
    group
      .command('submit')
      .description('queue a prompt for a linked session (default target: the current repository)')
      .argument('[prompt]', 'prompt, or - to read it from stdin')
      .option('--file <path>', 'read the prompt from a file')
      .option('--idea-id <id>', 'idea that the job belongs to')
      .option('--world-id <id>', 'world of that idea')
      .option('--machine-id <id>', 'machine that must run it')
      .option('--project-root <path>', 'repository on that machine')
      .option('--orp-session-id <id>', 'linked session that receives the prompt')
      .option('--codex-session-id <id>', 'the same session, by its Codex session id')
      .option('--anywhere', 'let any of your machines take the job')
      .addOption(
        new Option(
          '--session-fallback <where>',
          "if that session cannot take the job: use the repository's primary session, or none",
        ).choices([...SESSION_FALLBACKS]),
      )
      .addOption(
        wholeNumberOption({
          flags: '--priority <number>',
          description: 'jobs with a higher priority run first',
          min: MIN_PRIORITY,
          max: MAX_PRIORITY,
        }),
      )
      .option(
        '--not-before <when>',
        'earliest start: a time (2026-04-01T18:00Z), or from now (30s, 15m, 2h, 1d)',
      )
      .option('--expires-at <when>', 'latest start, in the same formats (default: 7d)')
      .addOption(onLeaseLoss())
      .addOption(onUsageLimit())
      .addOption(
        wholeNumberOption({
          flags: '--max-attempts <number>',
          description: 'maximum number of automatic attempts',
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
      .option('--wait', 'print the answer as it arrives')
      .addOption(waitTimeout())
      .option(
        '--idempotency-key <key>',
        'the same key returns the same job for 30 days; requires absolute times',
      ),
  ).action((prompt: string | undefined, options: SubmitOptions) =>
    shell.run(options, async (context) => (await import('./job-submit.ts')).submit(context, prompt, options)),
  );
}

function waitTimeout(): Option {
  return wholeNumberOption({
    flags: '--wait-timeout <seconds>',
    description: 'with --wait: exit with 124 after this time; the job continues',
    min: 1,
    max: 7 * MOST_WAIT_SECONDS,
    default: 3600,
  });
}

function onLeaseLoss(): Option {
  return new Option(
    '--on-lease-loss <policy>',
    'if its machine stops responding during the run: run the job again, or hold it',
  ).choices([...LEASE_LOSS_POLICIES]);
}

function onUsageLimit(): Option {
  return new Option(
    '--on-usage-limit <policy>',
    "if the agent's account reaches its usage limit: wait once until it resets (default), or fail",
  ).choices([...USAGE_LIMIT_POLICIES]);
}

function registerReading(group: Command, shell: Shell): void {
  withCommonOptions(
    group
      .command('list')
      .description('list your jobs, newest first')
      .option(
        '--status <statuses>',
        'statuses, separated by commas; `live` means all jobs that have not ended',
      )
      .addOption(new Option('--kind <kind>', 'kind of job').choices([...JOB_KINDS]))
      .option('--idea-id <id>', 'only jobs of this idea')
      .option('--machine-id <id>', 'only jobs of this machine')
      .addOption(
        wholeNumberOption({
          flags: '--limit <count>',
          description: 'jobs per page',
          min: 1,
          max: 200,
          default: 25,
        }),
      )
      .option('--cursor <cursor>', '`next_cursor` from the previous page'),
  ).action((options: ListOptions) =>
    shell.run(options, async (context) => (await import('./job-list.ts')).list(context, options)),
  );
  withCommonOptions(
    group.command('show').description('show a job and its history').argument('<job-id>'),
  ).action((id: string, options: CommonOptions) =>
    shell.run(options, async (context) => (await import('./job-list.ts')).show(context, id)),
  );
  withCommonOptions(
    group
      .command('watch')
      .description('watch your live jobs as they change; in a pipe, print a line per change')
      .option('--idea-id <id>', 'only jobs of this idea'),
  ).action((options: WatchOptions) =>
    shell.run(options, async (context) => (await import('./job-watch.ts')).watch(context, options)),
  );
  withCommonOptions(
    group
      .command('logs')
      .description('print the transcript of a job')
      .argument('<job-id>')
      .option('--follow', 'continue until the job ends; reconnects after outages')
      .addOption(
        wholeNumberOption({
          flags: '--timeout <seconds>',
          description: 'with --follow: exit with an error after this time',
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
      .description('wait until a job ends')
      .argument('<job-id>')
      .addOption(
        wholeNumberOption({
          flags: '--timeout <seconds>',
          description: 'exit with an error after this time',
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
      .description('cancel a job and stop its agent')
      .argument('<job-id>')
      .option('--reason <text>', 'reason, shown with the job'),
  ).action((id: string, options: OrderOptions) =>
    shell.run(options, async (context) => (await import('./job-order.ts')).cancel(context, id, options)),
  );
  withCommonOptions(
    group
      .command('retry')
      .description('run a job again')
      .argument('<job-id>')
      .option('--reason <text>', 'reason, shown with the job'),
  ).action((id: string, options: OrderOptions) =>
    shell.run(options, async (context) => (await import('./job-order.ts')).retry(context, id, options)),
  );
}
