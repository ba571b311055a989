/** The options of `orp runner work`. They are in their own file, because `runner install` also checks them. */

import { type Command, Option } from 'commander';
import { MAX_TIMEOUT_SECONDS } from '../../spec/job/kinds.ts';
import { HEARTBEAT_MS } from '../../spec/job/lease.ts';
import { MOST_WAIT_SECONDS, wholeNumberOption } from '../base/whole-number.ts';
import { AGENT_MODES } from '../runner/agent-server/choose-way.ts';
import { KEEP_AWAKE_MODES } from '../runner/process/keep-awake.ts';
import { TAKEOVER_WAIT_SECONDS } from '../runner/process/take-over.ts';
import { linkedRootOption, withCommonOptions } from './shell.ts';

/** Adds the command without its action, which the caller adds. */
export function addWorkCommand(group: Command): Command {
  return withCommonOptions(
    group
      .command('work')
      .description('claim jobs and run them in the linked sessions')
      .option('--once', 'run one cycle, then exit')
      .option('--continuous', 'run until interrupted (default without --once)')
      .addOption(pollIntervalOption())
      .addOption(
        new Option('--transport <way>', 'how the server wakes the runner')
          .choices(['auto', 'poll', 'sse', 'ws'])
          .default('auto'),
      )
      .addOption(
        wholeNumberOption({
          flags: '--heartbeat-interval <seconds>',
          description: 'pause between heartbeats while a job runs',
          min: 1,
          max: MOST_HEARTBEAT_SECONDS,
          default: HEARTBEAT_MS / 1000,
          raisesLow: true,
        }),
      )
      .addOption(
        wholeNumberOption({
          flags: '--silence-limit <seconds>',
          description: 'stop an agent that prints nothing for this long; 0 disables this',
          min: 0,
          max: MAX_TIMEOUT_SECONDS,
          default: 1800,
        }),
      )
      .addOption(
        new Option('--keep-awake <when>', 'keep a Mac awake during jobs: on AC power, always or never')
          .choices(KEEP_AWAKE_MODES)
          .default('ac'),
      )
      .option('--dry-run', 'show what would be claimed, without claiming it')
      .addOption(linkedRootOption('another repository to work in'))
      .option('--all-linked', 'work in every repository linked on this machine')
      .option('--codex-bin <path>', 'Codex executable (default: CODEX_BIN, then codex on the PATH)')
      .option('--codex-config-profile <name>', 'Codex configuration profile')
      .addOption(agentModeOption())
      .addOption(
        wholeNumberOption({
          flags: '--max-jobs <number>',
          description: 'number of jobs to run at once, each in its own repository',
          min: 1,
          max: MOST_JOBS,
          default: 1,
        }),
      )
      .option('--parallel-in-repo', 'with --max-jobs: several jobs per repository, each in its own session')
      .addOption(
        wholeNumberOption({
          flags: '--takeover [seconds]',
          description: `ask this machine's current runner to exit, and wait this long for it; ${TAKEOVER_WAIT_SECONDS} without a number`,
          min: 1,
          max: MOST_WAIT_SECONDS,
          raisesLow: true,
        }),
      )
      .option('--verbose', 'also report wake-ups, keep-awake, and jobs that use no agent server')
      .addHelpText('after', AFTER_HELP),
  );
}

const AFTER_HELP = `
Press Ctrl-C once to finish the running job and exit, twice to stop its agent, report that and exit. While the runner
asks you whether a job may run, Ctrl-C puts the job back in the queue.
--json prints one document per line while the runner runs. \`orp runner policy\` limits which jobs may run.`;

/** A larger number is almost certainly a typing error. */
const MOST_JOBS = 64;
/** A lease lasts 120 s, so a longer pause risks losing it. */
const MOST_HEARTBEAT_SECONDS = 90;

function agentModeOption(): Option {
  const description = 'auto: use a server of the agent if it has one; exec: start one process per prompt';
  return new Option('--agent-mode <mode>', description).choices(AGENT_MODES).default('auto');
}

/** The option `--poll-interval`, shared by all commands that wait for jobs. */
export function pollIntervalOption(): Option {
  return wholeNumberOption({
    flags: '--poll-interval <seconds>',
    description: 'pause between polls while idle',
    min: 1,
    max: MOST_WAIT_SECONDS,
    default: 30,
    raisesLow: true,
  });
}
