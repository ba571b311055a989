/**
 * Runs `orp runner work`: it checks the preconditions, takes the lock, opens the channel, runs the loop and shows the state.
 */

import { CliError, EXIT_INTERRUPTED, EXIT_NEGATIVE } from '../../base/exit.ts';
import { oneLine } from '../../base/one-line.ts';
import type { Reporter } from '../../base/reporter.ts';
import { notOffered } from '../../client/offers.ts';
import type { Context } from '../../output/context.ts';
import type { ChannelState } from '../../output/live/status-line.ts';
import { printJsonLine, printResult } from '../../output/print.ts';
import { listenerWaiter } from '../loop/channel-waiter.ts';
import type { CycleOutcome } from '../loop/documents.ts';
import { describeJump, SleepWatch } from '../process/sleep-watch.ts';
import { startIdleBeats } from './idle-beats.ts';
import { LiveRecord } from './live-record.ts';
import { liveContext, showLive } from './live-status.ts';
import type { WorkOptions } from './work-parts.ts';
import { holdMachine, isService, type Prepared, prepare } from './work-setup.ts';

/** Changes the output of a cycle, for a command with another name. */
export type ShowAs = (outcome: CycleOutcome) => CycleOutcome;

type ShownOptions = WorkOptions & { showAs?: ShowAs };

/** Runs until the runner is asked to exit, or for one cycle. Returns the exit code. */
export async function runWork(given: Context, options: ShownOptions): Promise<number> {
  const live = liveContext(given);
  const context = live?.context ?? given;
  const reporter = reporterOf(context, options);
  let record: LiveRecord | undefined;
  const prepared = await prepare(context, options, {
    ...reporter,
    warn(text) {
      reporter.warn(text);
      record?.noteError(text, context.now());
    },
  });
  const { drainSwitch, loop, hold } = prepared;
  const watch = new SleepWatch({ onJump: (goneMs) => wakeUp(prepared, goneMs) });
  const channel: ChannelState = { transport: options.transport, up: undefined };
  const ends = [drainSwitch.listen(), watch.start()];
  try {
    if (live !== undefined) hold.show = (text) => live.line.show(text);
    // A dry run claims nothing, so it may run beside another runner.
    if (!options.dryRun) {
      await holdMachine(context, options, prepared);
      record = new LiveRecord({
        env: context.env,
        machineId: prepared.work.machine.machine_id,
        instance: prepared.instance,
        agentOptions: {
          bin: options.codexBin,
          profile: options.codexConfigProfile?.trim(),
          mode: options.agentMode,
        },
      });
      const live = record;
      prepared.work.claimPause.onChange = (pause) => live.notePause(pause);
      prepared.work.agents.onWay = (driven, jobId) => {
        live.noteWay(driven);
        prepared.report.noteWay(driven);
        if (options.verbose && driven.way === 'process') {
          reporter.info(`Job ${jobId} runs in its own process, because ${driven.why}.`);
        }
      };
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
    await prepared.work.agents.end?.();
    await hold.lock?.release().catch((error: Error) => context.warn(error.message));
  }
}

function shownAs({ showAs }: ShownOptions, outcome: CycleOutcome): CycleOutcome {
  return showAs === undefined ? outcome : showAs(outcome);
}

function wakeUp({ loop, reporter }: Prepared, goneMs: number): void {
  reporter.info(describeJump(goneMs));
  loop.wakeUp();
}

function liveSource(
  { work: { machine, env }, loop, drainSwitch, drainOrder }: Prepared,
  channel: ChannelState,
) {
  return {
    machine: machine.machine_name,
    env,
    jobs: () => loop.jobs,
    obstacle: () => loop.obstacle,
    isDraining: () => drainSwitch.draining.aborted,
    isDrained: () => drainOrder.isGiven,
    channel: () => channel,
  };
}

/** The output of a continuous runner. */
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
  const { drainSwitch, loop, reporter, hold } = prepared;
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
    async catchUp() {
      await prepared.policyWatch.check(context.now()).catch(() => undefined);
      await prepared.work.local.catchUp?.();
    },
  });
  try {
    const wayOut = isService(context.env) ? '' : ' Ctrl-C leaves.';
    reporter.info(`Waiting for jobs as ${prepared.work.machine.machine_name}.${wayOut}`);
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
      hint: 'The server wakes only one runner per machine. Stop the other runner first.',
    });
  }
}

/** With `--transport ws`, throws at once if the server has no WebSockets. If the server is unreachable, the runner waits. */
async function requireSockets({ work: { service } }: Prepared): Promise<void> {
  const offered = await service.offers('events-ws');
  if (offered.kind === 'ok' && !offered.value) throw notOffered('events-ws', service.baseUrl);
}

/**
 * Prints the outcome of each cycle. With `--json` it prints one document per line. For people it prints a block for each job,
 * and one line when the queue becomes empty, unless a live line already shows that.
 */
function showEach(context: Context, { showsIdle }: { showsIdle: boolean }): (outcome: CycleOutcome) => void {
  let wasIdle = !showsIdle;
  return (outcome) => {
    const isIdle = outcome.document.claimed === false;
    if (context.json) printJsonLine(context, outcome.document);
    else if (!(isIdle && wasIdle)) printResult(context, outcome.document, outcome);
    wasIdle = isIdle || !showsIdle;
  };
}

function tellTransport(
  context: Context,
  options: WorkOptions,
  change: { transport: string; up: boolean; message: string },
): void {
  if (context.json) printJsonLine(context, { event: 'transport', ...change });
  else if (options.verbose) context.stderr.write(`${change.message}\n`);
}

/** Prints messages on stderr. With `--json` it prints only the messages that a person should see. */
export function reporterOf(context: Context, options: Pick<WorkOptions, 'verbose'>): Reporter {
  return {
    info(text) {
      if (!context.json) context.stderr.write(`${oneLine(text)}\n`);
      else if (options.verbose) context.stderr.write(`${JSON.stringify({ note: text })}\n`);
    },
    warn: (text) => context.warn(oneLine(text)),
  };
}
