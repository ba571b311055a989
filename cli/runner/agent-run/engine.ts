/** What runs a prompt: a process of the agent, or a turn in an agent server. Either looks like a process to the run. */

import type { AgentLaunch, AgentReader } from '../../agents/agent.ts';
import { readAnswer } from '../../agents/answer-file.ts';
import { type ChildOutput, type ChildStart, startChild } from '../process/child.ts';
import { STOP_GRACES, type StopGraces } from '../process/terminate.ts';
import type { JournalRecord } from '../spool/records.ts';

export interface Engine {
  /** The session that was asked for. */
  sessionId: string;
  /** How it runs, for the output of the command. */
  command: string;
  /** Written to the journal before the start. */
  noteBefore(tag: string): JournalRecord;
  start(tag: string, output: ChildOutput): Promise<ChildStart>;
  openReader(): AgentReader;
  /** It is not started after all. */
  abandon(): Promise<void>;
  /** The whole answer, after the end; undefined when the agent gave none in this way. */
  readAnswer(): Promise<string | undefined>;
}

/** Each prompt in a process of its own. */
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
