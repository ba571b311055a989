/** Runs a prompt as a process of the agent or as a turn in an agent server. Both have the interface of a process. */

import type { AgentLaunch, AgentReader } from '../../agents/agent.ts';
import { readAnswer } from '../../agents/answer-file.ts';
import { type ChildOutput, type ChildStart, startChild } from '../process/child.ts';
import { STOP_GRACES, type StopGraces } from '../process/terminate.ts';
import type { JournalRecord } from '../spool/records.ts';

export interface Engine {
  /** The requested session. */
  sessionId: string;
  /** A description of how the prompt runs, for the output of the command. */
  command: string;
  /**
   * Returns the record for the journal, which is written before the start.
   * @param limitMs the time limit, which also applies after a restart of the runner
   */
  noteBefore(tag: string, limitMs: number): JournalRecord;
  start(tag: string, output: ChildOutput): Promise<ChildStart>;
  openReader(): AgentReader;
  /** Call this if the prompt will not be started. */
  abandon(): Promise<void>;
  /** Returns the complete answer after the end, or undefined if the agent did not write one. */
  readAnswer(): Promise<string | undefined>;
}

/** Runs each prompt in its own process. */
export function processEngine(
  launch: AgentLaunch,
  { openReader, graces = STOP_GRACES }: { openReader(): AgentReader; graces?: StopGraces | undefined },
): Engine {
  return {
    sessionId: launch.sessionId,
    command: [launch.command, ...launch.args].join(' '),
    noteBefore: (tag) => ({
      record: 'spawning',
      at_utc: new Date().toISOString(),
      answer_path: launch.answerPath,
      tag,
    }),
    start: (tag, output) => startChild({ ...launch, tag }, output, graces),
    openReader,
    abandon: async () => undefined,
    readAnswer: () => readAnswer(launch.answerPath),
  };
}
