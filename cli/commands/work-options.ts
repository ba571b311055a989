/** The options of `orp runner work`, without what they lead to: a service checks them when it is installed. */

import { type Command, Option } from 'commander';
import { MAX_TIMEOUT_SECONDS } from '../../spec/job/kinds.ts';
import { HEARTBEAT_MS } from '../../spec/job/lease.ts';
import { MOST_WAIT_SECONDS, wholeNumberOption } from '../base/whole-number.ts';
import { KEEP_AWAKE_MODES } from '../runner/process/keep-awake.ts';
import { TAKEOVER_WAIT_SECONDS } from '../runner/process/take-over.ts';
import { linkedRootOption, withCommonOptions } from './shell.ts';

/** Adds the command to its group; whoever adds it says what it does. */
export function addWorkCommand(group: Command): Command {
  return withCommonOptions(
    group
      .command('work')
      .description('claim jobs and run them in the linked sessions')
      .option('--once', 'one cycle, then leave')
      .option('--continuous', 'go on until interrupted (the default without --once)')
      .addOption(pollIntervalOption())
      .addOption(
        new Option('--transport <way>', 'how to be woken')
          .choices(['auto', 'poll', 'sse', 'ws'])
          .default('auto'),
      )
      .addOption(
        wholeNumberOption({
          flags: '--heartbeat-interval <seconds>',
          description: 'pause between heartbeats while working',
          min: 1,
          max: MOST_HEARTBEAT_SECONDS,
          default: HEARTBEAT_MS / 1000,
          raisesLow: true,
        }),
      )
      .addOption(
        wholeNumberOption({
          flags: '--silence-limit <seconds>',
          description: 'stop an agent that prints nothing for this long; 0 never',
          min: 0,
          max: MAX_TIMEOUT_SECONDS,
          default: 1800,
        }),
      )
      .addOption(
        new Option('--keep-awake <when>', 'keep a Mac awake while a job runs: on mains power, always, never')
          .choices(KEEP_AWAKE_MODES)
          .default('ac'),
      )
      .option('--dry-run', 'show what would be claimed; claims nothing')
      .addOption(linkedRootOption('a further repository to work in'))
      .option('--all-linked', 'also every repository that is linked on this machine')
      .option('--codex-bin <path>', 'Codex program (default: CODEX_BIN, else codex on the PATH)')
      .option('--codex-config-profile <name>', 'configuration profile of Codex')
      .addOption(
        wholeNumberOption({
          flags: '--max-jobs <number>',
          description: 'run this many jobs at once, each in its own repository',
          min: 1,
          max: MOST_JOBS,
          default: 1,
        }),
      )
      .option('--parallel-in-repo', 'also several jobs in one repository, each in its own session')
      .addOption(
        wholeNumberOption({
          flags: '--takeover [seconds]',
          description: `ask the runner of this machine to leave, and wait this long; without a number ${TAKEOVER_WAIT_SECONDS}`,
          min: 1,
          max: MOST_WAIT_SECONDS,
          raisesLow: true,
        }),
      )
      .option('--verbose', 'also tell how the runner is woken and the machine kept awake')
      .addHelpText('after', AFTER_HELP),
  );
}

const AFTER_HELP = `
Ctrl-C once finishes the job at work and leaves; twice stops its agent, reports that, and leaves. While you are asked
whether a job may run, Ctrl-C puts that job back into the queue.
Exit codes: 0 worked or idle, 1 the job failed (--once), 2 a usage or expected error, 130 stopped by the second Ctrl-C,
or by the first before --once has begun a job.
With --json a continuous runner prints one document a line. What may run here is up to \`orp runner policy\`.`;

/** More agents than this at once is a slip of the finger: each of them is a program with a model behind it. */
const MOST_JOBS = 64;
/** A lease lasts 120 s: a heartbeat that comes later than this may come too late. */
const MOST_HEARTBEAT_SECONDS = 90;

/** `--poll-interval`, of every command that waits for jobs. */
export function pollIntervalOption(): Option {
  return wholeNumberOption({
    flags: '--poll-interval <seconds>',
    description: 'pause between looks while idle',
    min: 1,
    max: MOST_WAIT_SECONDS,
    default: 30,
    raisesLow: true,
  });
}
