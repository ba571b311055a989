/** `orp runner work` (contract/cli-surface.md §5.5): claims jobs and runs them in the linked sessions. */

import { type Command, Option } from 'commander';
import { MAX_TIMEOUT_SECONDS } from '../../spec/job/kinds.ts';
import { CliError, EXIT_INTERRUPTED, EXIT_NEGATIVE } from '../base/exit.ts';
import type { Talk } from '../base/reporter.ts';
import { MOST_WAIT_SECONDS, wholeNumberOption } from '../base/whole-number.ts';
import { notOffered } from '../client/offers.ts';
import type { Context } from '../output/context.ts';
import { oneLine } from '../output/plain-text.ts';
import { printResult } from '../output/print.ts';
import type { ChannelState } from '../output/status-line.ts';
import { listenerWaiter } from '../runner/loop/listener-waiter.ts';
import type { CycleOutcome } from '../runner/loop/work-documents.ts';
import { KEEP_AWAKE_MODES } from '../runner/process/keep-awake.ts';
import { describeJump, SleepWatch } from '../runner/process/sleep-watch.ts';
import { startIdleBeats } from '../runner/start/idle-beats.ts';
import { LiveRecord } from '../runner/start/live-record.ts';
import { liveContext, showLive } from '../runner/start/live-status.ts';
import {
  holdMachine,
  isService,
  type Prepared,
  prepare,
  TAKEOVER_WAIT_SECONDS,
  type WorkOptions,
} from '../runner/start/work-setup.ts';
import { linkedRootOption, type Shell, withCommonOptions } from './shell.ts';

export function registerRunnerWork(group: Command, shell: Shell): void {
  withCommonOptions(
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
          default: 20,
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
  ).action((options: WorkOptions) => shell.run(options, (context) => work(context, options)));
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

/** Changes what is shown of a cycle, for a command that runs it under another name. */
export type ShowAs = (outcome: CycleOutcome) => CycleOutcome;

type ShownOptions = WorkOptions & { showAs?: ShowAs };

/** Works until it is told to leave, or for one cycle. Returns the exit code. */
export async function work(given: Context, options: ShownOptions): Promise<number> {
  const live = liveContext(given);
  const context = live?.context ?? given;
  const talk = talkOf(context, options);
  let record: LiveRecord | undefined;
  const prepared = await prepare(context, options, {
    ...talk,
    warn(text) {
      talk.warn(text);
      record?.noteError(text, context.now());
    },
  });
  const { drainSwitch, loop, hold } = prepared;
  const watch = new SleepWatch({ onJump: (goneMs) => wakeUp(prepared, goneMs) });
  const channel: ChannelState = { transport: options.transport, up: undefined };
  const ends = [drainSwitch.listen(), watch.start()];
  try {
    if (live !== undefined) hold.show = (text) => live.line.show(text);
    // A dry run claims nothing, so it disturbs nobody.
    if (!options.dryRun) {
      await holdMachine(context, options, prepared);
      record = new LiveRecord({
        env: context.env,
        machineId: prepared.work.machine.machine_id,
        instance: prepared.instance,
      });
      const live = record;
      prepared.work.claimPause.onChange = (pause) => live.notePause(pause);
    }
    prepared.drainOrder.onChange = (isGiven) => record?.noteDrained(isGiven, context.now());
    if (live !== undefined) ends.push(showLive(live.line, liveSource(prepared, channel)));
    if (options.once || options.dryRun) {
      const outcome = shownAs(options, await loop.once(options.dryRun ?? false));
      printResult(context, outcome.document, outcome);
      if (drainSwitch.shutdown.aborted) return EXIT_INTERRUPTED;
      return outcome.ok ? 0 : EXIT_NEGATIVE;
    }
    await workOn(context, options, {
      ...prepared,
      channel,
      record,
      isLive: live !== undefined,
    });
    return drainSwitch.shutdown.aborted ? EXIT_INTERRUPTED : 0;
  } finally {
    for (const end of ends.reverse()) end();
    await hold.lock?.release().catch((error: Error) => context.warn(error.message));
  }
}

function shownAs({ showAs }: ShownOptions, outcome: CycleOutcome): CycleOutcome {
  return showAs === undefined ? outcome : showAs(outcome);
}

function wakeUp({ loop, talk }: Prepared, goneMs: number): void {
  talk.note(describeJump(goneMs));
  loop.wakeUp();
}

function liveSource(
  { work: { machine, env }, loop, drainSwitch, drainOrder }: Prepared,
  channel: ChannelState,
) {
  return {
    machine: machine.machine_name,
    env,
    members: () => loop.members,
    obstacle: () => loop.obstacle,
    isDraining: () => drainSwitch.draining.aborted,
    isDrained: () => drainOrder.isGiven,
    channel: () => channel,
  };
}

/** How a continuous runner shows itself. */
interface WorkDisplay {
  channel: ChannelState;
  record: LiveRecord | undefined;
  isLive: boolean;
}

async function workOn(
  context: Context,
  options: ShownOptions,
  { channel, isLive, record, ...prepared }: Prepared & WorkDisplay,
): Promise<void> {
  const { drainSwitch, loop, talk, hold } = prepared;
  if (options.transport === 'ws') await requireSockets(prepared);
  let replaced: string | undefined;
  const waiter = await listenerWaiter({
    choice: options.transport,
    pollIntervalMs: options.pollInterval * 1000,
    connect: prepared.connectForListening,
    machineId: prepared.work.machine.machine_id,
    instance: prepared.instance,
    onLease: (jobId) => loop.checkLease(jobId),
    onDrain: () => prepared.drainOrder.note(true),
    onReplaced: (message) => {
      replaced = message;
      drainSwitch.drain();
    },
    onChange: (change) => {
      Object.assign(channel, { transport: change.transport, up: change.up });
      record?.noteChannel(change, context.now());
      tellTransport(context, options, change);
    },
  });
  const endBeats = startIdleBeats({
    isListening: () => channel.up === true && channel.transport !== 'poll',
    beatIfQuiet: (quietMs) => loop.beatIfQuiet(quietMs),
  });
  try {
    const wayOut = isService(context.env) ? '' : ' Ctrl-C leaves.';
    talk.note(`Waiting for jobs as ${prepared.work.machine.machine_name}.${wayOut}`);
    const show = showEach(context, { showsIdle: !isLive });
    await loop.run(waiter, (outcome) => show(shownAs(options, outcome)));
  } finally {
    endBeats();
    waiter.close();
  }
  if (hold.lostTo !== undefined) replaced ??= `Runner ${hold.lostTo.pid} holds this machine now.`;
  if (replaced !== undefined) {
    throw new CliError(replaced, {
      code: 'replaced',
      hint: 'Only one `orp runner work` per machine is woken. End the other one first.',
    });
  }
}

/** Whoever asks for sockets alone is told at once that there are none. A server that is away is waited for. */
async function requireSockets({ work: { service } }: Prepared): Promise<void> {
  const offered = await service.offers('events-ws');
  if (offered.kind === 'ok' && !offered.value) throw notOffered('events-ws', service.baseUrl);
}

/**
 * Continuous output: one JSON document a line; for people a block per job, and once that there is nothing to do, unless
 * a live line says so all the time.
 */
function showEach(context: Context, { showsIdle }: { showsIdle: boolean }): (outcome: CycleOutcome) => void {
  let wasIdle = !showsIdle;
  return (outcome) => {
    const isIdle = outcome.document.claimed === false;
    if (context.json) context.stdout.write(`${JSON.stringify(outcome.document)}\n`);
    else if (!(isIdle && wasIdle)) printResult(context, outcome.document, outcome);
    wasIdle = isIdle || !showsIdle;
  };
}

function tellTransport(
  context: Context,
  options: WorkOptions,
  change: { transport: string; up: boolean; message: string },
): void {
  if (context.json) context.stdout.write(`${JSON.stringify({ event: 'transport', ...change })}\n`);
  else if (options.verbose) context.stderr.write(`${change.message}\n`);
}

/** Talk goes to stderr; with `--json` only what a person should look at does. */
export function talkOf(context: Context, options: Pick<WorkOptions, 'verbose'>): Talk {
  return {
    note(text) {
      if (!context.json) context.stderr.write(`${oneLine(text)}\n`);
      else if (options.verbose) context.stderr.write(`${JSON.stringify({ note: text })}\n`);
    },
    warn: (text) => context.warn(oneLine(text)),
  };
}
