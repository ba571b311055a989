/**
 * One run of an agent under a lease: from the note that it is about to start, to how it ended. Whoever wants it to stop
 * uses the switch; the time limit does, too.
 */

import type { Agent, AgentLaunch } from '../agents/agent.ts';
import { readAnswer } from '../agents/answer-file.ts';
import { type ChildEnd, type RunningChild, startChild } from './process/child.ts';
import { STOP_GRACES, type StopGraces, type StopReceipt } from './process/stop-ladder.ts';
import { redactText } from './redact.ts';
import type { LeaseSpool } from './spool/lease-spool.ts';
import type { StopReason, StopSwitch } from './stop-switch.ts';
import { Transcript } from './transcript.ts';

/** 60 minutes, unless the job says otherwise: long enough for real work, short enough for a hanging tool. */
export const DEFAULT_TIME_LIMIT_MS = 60 * 60_000;

export interface AgentRunOptions {
  agent: Agent;
  launch: AgentLaunch;
  spool: LeaseSpool;
  stopSwitch: StopSwitch;
  limitMs: number;
  secrets: readonly string[];
  onChunk(): void;
  graces?: StopGraces;
}

/** How it went, as values; deciding what that means is up to the caller. */
export type AgentRun =
  | { kind: 'not_started'; message: string }
  | {
      kind: 'ended';
      end: ChildEnd;
      /** The agent's own answer, redacted; undefined when it gave none. */
      answer: string | undefined;
      /** What the agent says about its failure, redacted. */
      failure: string | undefined;
      /** The last output, redacted. */
      stdout: string;
      stderr: string;
      stopped?: { reason: StopReason; receipt: StopReceipt } | undefined;
    };

/** Runs the agent to its end. */
export async function runAgent(options: AgentRunOptions): Promise<AgentRun> {
  const { launch, spool, secrets } = options;
  const transcript = new Transcript(options);
  await spool
    .note({ record: 'spawning', at_utc: new Date().toISOString(), answer_path: launch.answerPath })
    .catch(ignoreFullDisk);
  const started = await startChild(
    launch,
    {
      stdout: (bytes) => transcript.takeStdout(bytes),
      stderr: (bytes) => transcript.takeStderr(bytes),
    },
    options.graces ?? STOP_GRACES,
  );
  if (started.kind === 'refused') return { kind: 'not_started', message: started.message };

  const { end, stopped } = await supervise(started.child, options);
  if (stopped) await transcript.say(describeStop(stopped), 'warn');
  if (end.leftovers) await transcript.say(describeLeftovers(end.leftovers), 'warn');
  await transcript.end();
  const answer = (await readAnswer(launch.answerPath)) ?? transcript.lastMessage;
  const failure = transcript.failure.best();
  return {
    kind: 'ended',
    end,
    stopped,
    answer: answer === undefined ? undefined : redactText(answer, secrets),
    failure: failure === undefined ? undefined : redactText(failure, secrets),
    stdout: transcript.tailOf('stdout'),
    stderr: transcript.tailOf('stderr'),
  };
}

type Supervised = Pick<Extract<AgentRun, { kind: 'ended' }>, 'end' | 'stopped'>;

async function supervise(child: RunningChild, options: AgentRunOptions): Promise<Supervised> {
  const { stopSwitch, limitMs, spool } = options;
  const timer = setTimeout(() => stopSwitch.ask({ kind: 'time_limit', limitMs }), limitMs);
  const spawned = { record: 'spawned' as const, at_utc: new Date().toISOString() };
  await spool
    .note({ ...spawned, pid: child.mark.pid, start_time: child.mark.startTime })
    .catch(ignoreFullDisk);
  try {
    const first = await Promise.race([child.ended, stopSwitch.asked.then(() => undefined)]);
    if (first !== undefined || stopSwitch.reason === undefined) return { end: first ?? (await child.ended) };
    const receipt = await child.stop();
    return { end: await child.ended, stopped: { reason: stopSwitch.reason, receipt } };
  } finally {
    clearTimeout(timer);
  }
}

/** Without a journal the work goes on: what is lost is only what a restart could prove. */
function ignoreFullDisk(): undefined {
  return undefined;
}

function describeStop({ reason, receipt }: { reason: StopReason; receipt: StopReceipt }): string {
  const how =
    receipt.signal === 'none'
      ? 'nothing was running any more'
      : `${receipt.processes} process${receipt.processes === 1 ? '' : 'es'} ended by ${receipt.signal}`;
  return `Stopped (${WHY[reason.kind]}): ${how}, after ${receipt.tookMs} ms.`;
}

const WHY = {
  cancelled: 'cancelled',
  lease_lost: 'the lease was taken away',
  time_limit: 'time limit',
  shutdown: 'the runner was stopped',
} as const satisfies Record<StopReason['kind'], string>;

function describeLeftovers(receipt: StopReceipt): string {
  return `The agent left ${receipt.processes} process${receipt.processes === 1 ? '' : 'es'} running; ended by ${receipt.signal}.`;
}
