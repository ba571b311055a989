/**
 * Runs an agent once under a lease, from the record before the start to the outcome. The stop switch ends the run early; the
 * time limits use the same switch.
 */

import { randomUUID } from 'node:crypto';
import type { Agent, FailureReading, TurnFacts } from '../../agents/agent.ts';
import { cutFailure } from '../../agents/failure-text.ts';
import { messageOf } from '../../base/exit.ts';
import type { AgentRun } from '../job/run-outcome.ts';
import { Transcript } from '../output/transcript.ts';
import type { ChildOutput, RunningChild } from '../process/child.ts';
import type { StopReason, StopSwitch } from '../process/stop-switch.ts';
import type { StopReceipt } from '../process/terminate.ts';
import { redactText } from '../redaction/redact.ts';
import type { LeaseSpool } from '../spool/lease-spool.ts';
import type { Engine } from './engine.ts';
import { type Limits, RunLimits } from './run-limits.ts';

export interface AgentRunOptions {
  agent: Agent;
  engine: Engine;
  spool: LeaseSpool;
  stopSwitch: StopSwitch;
  limits: Limits;
  secrets: readonly string[];
  onChunk(): void;
}

/** Runs the agent until it ends. Before the start, it writes to the disk that the agent may be running. */
export async function runAgent(options: AgentRunOptions): Promise<AgentRun> {
  const tag = randomUUID();
  const trouble = await noteSpawning(options, tag);
  if (trouble !== undefined) {
    await options.engine.abandon();
    return { kind: 'not_started', message: trouble, isUnavailable: false };
  }
  const transcript = openTranscript(options);
  const limits = new RunLimits(options.limits, (reason) => options.stopSwitch.ask(reason));
  try {
    const started = await options.engine.start(tag, hearing(transcript, limits));
    if (started.kind === 'refused') {
      return { kind: 'not_started', message: started.message, isUnavailable: true };
    }

    const { end, stopped } = await supervise(started.child, options).catch(async (error: unknown) => {
      // Stop the agent, because nothing supervises it after this error.
      await started.child.stop();
      throw error;
    });
    await noteEnd(options.spool, { end, stopped }, transcript.turn.state);
    if (stopped) await transcript.say(describeStop(stopped), 'warn');
    if (end.leftovers) await transcript.say(describeLeftovers(end.leftovers), 'warn');
    await transcript.end();
    return await describeRun(transcript, { end, stopped }, options);
  } finally {
    limits.dispose();
  }
}

/**
 * Opens the transcript. If the agent works in a session that is not the linked one, it is stopped and its answer is dropped.
 */
function openTranscript(options: AgentRunOptions): Transcript {
  const { engine } = options;
  const { sessionId: asked } = engine;
  return new Transcript({
    ...options,
    agent: engine,
    sessionId: asked,
    onOtherSession: (said) => {
      options.stopSwitch.ask({ kind: 'other_session', asked, said });
      const at_utc = new Date().toISOString();
      options.spool.note({ record: 'other_session', at_utc, said }).catch(ignoreFullDisk);
    },
  });
}

async function describeRun(
  transcript: Transcript,
  how: Supervised,
  { agent, engine, secrets }: AgentRunOptions,
): Promise<AgentRun> {
  const { turn, otherSession } = transcript;
  const said = transcript.failure.best();
  const answer =
    otherSession === undefined
      ? ((await engine.readAnswer()) ?? nonBlank(transcript.lastMessage))
      : undefined;
  return {
    kind: 'ended',
    ...how,
    turn,
    otherSession,
    answer: answer === undefined ? undefined : transcript.redactAnswer(answer),
    failure: said === undefined ? undefined : cutFailure(redactText(said, secrets)),
    reading: readingOf(turn, said, agent),
    stdout: transcript.tailOf('stdout'),
    stderr: transcript.tailOf('stderr'),
  };
}

/** Reads a failure. The type of the failure decides. The error text may have the time when a usage limit ends. */
function readingOf(turn: TurnFacts, said: string | undefined, agent: Agent): FailureReading | undefined {
  const read = said === undefined ? undefined : agent.readFailure(said, turn, Date.now());
  if (turn.reading === undefined || turn.state === 'completed') return read;
  const isSame =
    read?.kind === 'condition' && turn.reading.kind === 'condition' && read.code === turn.reading.code;
  // The type may contain an exact time. The text contains the time only to the minute.
  const isExact = turn.reading.kind === 'condition' && turn.reading.until !== undefined;
  return isSame && !isExact ? read : turn.reading;
}

function nonBlank(text: string | undefined): string | undefined {
  return text?.trim() ? text : undefined;
}

/**
 * Records that the agent is about to start. Without this record, the runner would report after a crash that nothing ran, and
 * a person would send the prompt again.
 */
async function noteSpawning(
  { spool, engine, limits }: AgentRunOptions,
  tag: string,
): Promise<string | undefined> {
  try {
    await spool.note(engine.noteBefore(tag, limits.limitMs));
    return undefined;
  } catch (error) {
    return `its start could not be recorded on the disk (${messageOf(error)}). Nothing ran; free some space on the disk.`;
  }
}

/** Records how the agent ended, so that a restarted runner knows it. */
function noteEnd(spool: LeaseSpool, { end, stopped }: Supervised, turn: TurnFacts['state']): Promise<void> {
  const at_utc = new Date().toISOString();
  return spool
    .note({ record: 'ended', at_utc, exit_code: end.exitCode, was_stopped: stopped !== undefined, turn })
    .catch(ignoreFullDisk);
}

function hearing(transcript: Transcript, limits: RunLimits): ChildOutput {
  return {
    stdout: (bytes) => {
      limits.heard();
      return transcript.takeStdout(bytes);
    },
    stderr: (bytes) => {
      limits.heard();
      return transcript.takeStderr(bytes);
    },
  };
}

type Supervised = Pick<Extract<AgentRun, { kind: 'ended' }>, 'end' | 'stopped'>;

async function supervise(child: RunningChild, options: AgentRunOptions): Promise<Supervised> {
  const { stopSwitch, spool } = options;
  await noteSpawned(spool, child.mark);
  const first = await Promise.race([child.ended, stopSwitch.asked.then(() => undefined)]);
  if (first !== undefined || stopSwitch.reason === undefined) return { end: first ?? (await child.ended) };
  const receipt = await child.stop(stopSwitch.reason);
  return { end: await child.ended, stopped: { reason: stopSwitch.reason, receipt } };
}

async function noteSpawned(spool: LeaseSpool, { pid, startTime }: RunningChild['mark']): Promise<void> {
  // A pid without a start time does not identify a process.
  if (startTime === undefined) return;
  const at_utc = new Date().toISOString();
  await spool.note({ record: 'spawned', at_utc, pid, start_time: startTime }).catch(ignoreFullDisk);
}

/** Continues after a failed write, because the tag on the disk is enough to find the agent. */
function ignoreFullDisk(): undefined {
  return undefined;
}

function describeStop({ reason, receipt }: { reason: StopReason; receipt: StopReceipt }): string {
  if (receipt.isForeign) {
    return `Stopped (${WHY[reason.kind]}): the turn belongs to another client of the session, and goes on.`;
  }
  if (receipt.isTurn) {
    const how = receipt.left === 0 ? 'the turn was interrupted' : 'the turn could not be interrupted';
    return `Stopped (${WHY[reason.kind]}): ${how}, after ${receipt.tookMs} ms.`;
  }
  const how =
    receipt.signal === 'none'
      ? 'no process was running'
      : `${receipt.processes} process${receipt.processes === 1 ? '' : 'es'} ended by ${receipt.signal}`;
  const rest = receipt.left === 0 ? '' : `, ${receipt.left} could not be ended`;
  return `Stopped (${WHY[reason.kind]}): ${how}${rest}, after ${receipt.tookMs} ms.`;
}

const WHY = {
  cancelled: 'cancelled',
  lease_lost: 'the lease was taken away',
  time_limit: 'time limit',
  silence: 'silence limit',
  other_session: 'it opened another session',
  shutdown: 'the runner was stopped',
} as const satisfies Record<StopReason['kind'], string>;

function describeLeftovers(receipt: StopReceipt): string {
  return `The agent left ${receipt.processes} process${receipt.processes === 1 ? '' : 'es'} running; ended by ${receipt.signal}.`;
}
