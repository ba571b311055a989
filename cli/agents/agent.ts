/**
 * What the runner must know of a coding agent to drive it: how to start it on a session, and how to read what it
 * prints. One file per agent. Codex is the only one today: sentences for people name it, but nothing decides by its name.
 */

import type { LOG_LEVELS, TRANSCRIPT_STREAMS } from '../../spec/contract/jobs.ts';
import type { ConditionCode } from '../../spec/job/condition.ts';
import type { CodexApproval, CodexSandbox } from '../../spec/local/policy.ts';

/** One prompt for one session. */
export interface AgentTask {
  /** The agent's own id of the session; checked before it reaches argv. */
  sessionId: string;
  prompt: string;
  /** Directory to work in. */
  cwd: string;
  /** Private folder of this run; the file for the answer is made in it. */
  folder: string;
  /** What the owner's policy holds the agent to. */
  settings?: AgentSettings;
}

/** Of the owner of the machine, never of a job. An absent one leaves the agent to its own configuration. */
export interface AgentSettings {
  sandbox?: CodexSandbox;
  approval?: CodexApproval;
}

/** A process to start, ready to be spawned. */
export interface AgentLaunch {
  /** The session that was asked for. */
  sessionId: string;
  command: string;
  args: readonly string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Written to stdin, then closed. */
  input: string;
  /** Private file that the agent writes its answer to, alone in a folder of its own (`answer-file.ts`). */
  answerPath: string;
}

export interface AgentUsage {
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
}

/** One thing that the agent said or did. */
export type AgentEvent =
  /** Text for the person who sent the prompt. */
  | { kind: 'message'; text: string }
  /** Output of the agent or of what it runs. */
  | { kind: 'log'; stream: OutputStream; level: LogLevel; text: string }
  | { kind: 'usage'; usage: AgentUsage }
  /** The agent says why it failed. `final`: its last word on it, against a mere remark on the way. */
  | { kind: 'failure'; message: string; final: boolean };

export type TranscriptStream = (typeof TRANSCRIPT_STREAMS)[number];
export type OutputStream = Extract<TranscriptStream, 'stdout' | 'stderr'>;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A launch, or the sentence that says why there is none. */
export type Preparation =
  | { kind: 'ready'; launch: AgentLaunch }
  | { kind: 'refused'; message: string }
  /** The program is not there, or cannot run: no job can. */
  | { kind: 'unavailable'; message: string };

/** What an agent's explanation of its failure means. */
export type FailureReading =
  /** Not the job's failure: every other job would fail, too. `until`: when the agent works again, epoch ms. */
  | { kind: 'condition'; code: ConditionCode; until?: number | undefined }
  /** The agent does not know the session. */
  | { kind: 'session_missing' }
  /** Another program has the session open, and the agent allows only one. */
  | { kind: 'session_in_use' };

export type FoundProgram =
  /** `remarks`: sentences about what may not work as its owner expects. */
  | { kind: 'found'; path: string; remarks: readonly string[] }
  /** It is not there, or cannot be used: no job can run. */
  | { kind: 'missing'; message: string; hint: string };

export interface Agent {
  /** The word people use for it, for sentences. */
  name: string;
  /** Whether the agent's program is there; the sentence says what is missing, the hint what to do. */
  findProgram(): Promise<FoundProgram>;
  prepare(task: AgentTask): Promise<Preparation>;
  /** A reader of one run's stdout. It remembers what it has seen, so every run has its own. */
  openReader(): AgentReader;
  /** What a failed run's explanation means; undefined: the failure is the job's own. */
  readFailure(text: string, turn: Pick<TurnFacts, 'hasEvents'>, now: number): FailureReading | undefined;
}

export interface AgentReader {
  /** Reads one line of stdout; `whole` is false for a piece of a line that is too long to be kept. */
  readLine(line: string, whole: boolean): AgentEvent[];
  /** What the lines so far prove. */
  readonly turn: Readonly<TurnFacts>;
}

/** What a run proves about its turn. */
export interface TurnFacts {
  /** The session that the agent says it works in; undefined: it has not said. */
  sessionId: string | undefined;
  /** `unknown`: the agent has not said anything about it. `open`: it has begun, or met an error, and not ended. */
  state: 'unknown' | 'open' | 'completed' | 'failed';
  /** The agent reports what it does; otherwise its stdout is plain text. */
  hasEvents: boolean;
  /** A command, a changed file, a message, or something that nobody here understands: the prompt may have had an effect. */
  hasEffect: boolean;
}
