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
  /** The requested session. */
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

/** An event of the agent. */
export type AgentEvent =
  /** Text for the person who sent the prompt. */
  | { kind: 'message'; text: string }
  /** Output of the agent or of what it runs. */
  | { kind: 'log'; stream: OutputStream; level: LogLevel; text: string }
  | { kind: 'usage'; usage: AgentUsage }
  /** The agent's explanation of a failure. `final`: the reason of the failed turn; otherwise it may still recover. */
  | { kind: 'failure'; message: string; final: boolean };

export type TranscriptStream = (typeof TRANSCRIPT_STREAMS)[number];
export type OutputStream = Extract<TranscriptStream, 'stdout' | 'stderr'>;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A launch, or a sentence about why there is none. */
export type Preparation =
  | { kind: 'ready'; launch: AgentLaunch }
  | { kind: 'refused'; message: string }
  /** The executable is missing or cannot run, so no job can run. */
  | { kind: 'unavailable'; message: string };

/** The meaning of an agent's failure message. */
export type FailureReading =
  /** Not the job's failure: every other job would fail, too. `until`: when the agent works again, epoch ms. */
  | { kind: 'condition'; code: ConditionCode; until?: number | undefined }
  /** The agent does not know the session. */
  | { kind: 'session_missing' }
  /** Another program has the session open, and the agent allows only one. */
  | { kind: 'session_in_use' }
  /** Only a person can change that: a retry would fail, too. */
  | { kind: 'context_full' | 'model_unavailable' };

export type FoundProgram =
  /** `remarks`: sentences about possible surprises for the owner. */
  | { kind: 'found'; path: string; remarks: readonly string[] }
  /** Missing or unusable, so no job can run. */
  | { kind: 'missing'; message: string; hint: string };

/** A session to open in an agent server. */
export type SessionTask = Pick<AgentTask, 'sessionId' | 'cwd' | 'settings'>;

/** What a prompt carries in the transcript of its session: which job it belongs to, under which lease. */
export function markerOf(jobId: string, leaseId: string): string {
  return `orp:${jobId}:${leaseId}`;
}

/** What became of a prompt that was entered under a marker. */
export interface EnteredTurn {
  turnId: string;
  marker: string;
  status: 'running' | 'completed' | 'interrupted' | 'failed';
  answer: string | undefined;
  error: string | undefined;
}

export type TurnEnd =
  | { kind: 'ended'; status: 'completed' | 'interrupted' | 'failed'; answer: string | undefined }
  /** The server ended, or the connection to it. */
  | { kind: 'lost' };

/**
 * What an agent can do beside a prompt and its answer. A driver declares what it can; the runner offers nothing else.
 * `markers`: a prompt is found again in the transcript of its session.
 */
export const CAPABILITIES = [
  'find_sessions',
  'markers',
  'interrupt',
  'steer',
  'asks',
  'plan',
  'diff',
  'usage',
] as const;
export type Capability = (typeof CAPABILITIES)[number];

/** A session that the agent has for a folder. */
export interface FoundSession {
  sessionId: string;
  cwd: string;
  /** Epoch ms. */
  lastActiveAt: number;
  branch: string | undefined;
  /** The first words of its first prompt. */
  firstPrompt: string;
  /** Whether the server has it loaded now: another program may have it open. */
  isOpen: boolean;
}

export const ASK_DECISIONS = ['accept', 'accept_for_session', 'decline', 'cancel'] as const;
/** `decline`: the turn goes on without. `cancel`: the turn is interrupted. */
export type AskDecision = (typeof ASK_DECISIONS)[number];

/** What the agent asks a person in the middle of a turn. */
export interface AgentAsk {
  /** Stays the same when the agent asks again after a new connection. */
  askId: string;
  turnId: string;
  kind: 'command' | 'file_change' | 'permissions' | 'input';
  /** The command, or the folder of the change; blank when the agent names none. */
  subject: string;
  reason: string | undefined;
  /** The decisions that the agent takes; empty for `input`. */
  decisions: readonly AskDecision[];
  /** Only for `input`. */
  questions: readonly { id: string; question: string; options: readonly string[]; isSecret: boolean }[];
}

/** The answers to `input` are lists by the id of the question. */
export type AskAnswer = { decision: AskDecision } | { answers: Readonly<Record<string, readonly string[]>> };

export interface AskListener {
  onAsk(ask: AgentAsk): void;
  /** Somebody answered, or the turn ended: an answer comes too late. */
  onClosed(askId: string): void;
}

/** A session that is open in an agent server. */
export interface AgentSession {
  readonly how: 'own_server' | 'shared_server';
  /** Whether a turn of anybody runs. */
  readonly isBusy: boolean;
  /** The newest turn whose prompt has one of these markers. */
  find(markers: readonly string[]): Promise<EnteredTurn | undefined>;
  /** Starts a turn. `isCertain`: the server refused it; otherwise it may have begun. */
  enter(
    prompt: string,
    marker: string,
  ): Promise<{ kind: 'entered'; turnId: string } | { kind: 'refused'; isCertain: boolean; message: string }>;
  /** Hands on what the server tells of a turn, a line of JSON each, until it has ended. */
  follow(turnId: string, take: (line: string) => Promise<void>): Promise<TurnEnd>;
  interrupt(turnId: string): Promise<void>;
  /** Adds words to the turn that runs. The agent reads them before its next step. */
  steer(
    turnId: string,
    words: string,
    marker: string,
  ): Promise<{ kind: 'taken' } | { kind: 'refused'; message: string }>;
  /** Hears what the agent asks, also what it asked before this call. Returns a function that ends it. */
  listenToAsks(listener: AskListener): () => void;
  /** The first answer counts. False: the ask is not open any more, or does not take this answer. */
  answer(askId: string, answer: AskAnswer): boolean;
  /** Lets go of the session, so that a person can open it. */
  close(): Promise<void>;
}

export type SessionOpening =
  /** `why` this way (`session.how`) was chosen, as a part of a sentence. */
  | { kind: 'open'; session: AgentSession; why: string; version?: string | undefined }
  | { kind: 'refused'; message: string; reading?: FailureReading | undefined }
  /** The agent runs as a process of its own, because of this. */
  | { kind: 'no_server'; why: string; version?: string | undefined };

/** In which way the runner drives an agent, and why. */
export interface DrivenWay {
  way: 'shared_server' | 'own_server' | 'process';
  /** A part of a sentence. */
  why: string;
  /** Of the agent; undefined: not known. */
  version?: string | undefined;
}

/** An agent whose sessions are also driven through a server on this machine. */
export interface SessionDriver {
  readonly capabilities: ReadonlySet<Capability>;
  /** The sessions of a folder, newest first. Throws when the agent cannot be asked. */
  findSessions(folder: string): Promise<FoundSession[]>;
  /** Opens the session, or says that it is busy (`session_in_use`) or missing. */
  open(task: SessionTask): Promise<SessionOpening>;
  /**
   * The newest turn with one of these markers in a session that another program has open; undefined also when nobody can tell. A
   * turn that runs there looks interrupted, so this is only for prompts whose server has ended.
   */
  look(sessionId: string, markers: readonly string[]): Promise<EnteredTurn | undefined>;
  /** Settles when a session that was in use is free: true. False: nobody can tell any more. */
  untilFree(sessionId: string, signal: AbortSignal): Promise<boolean>;
  openReader(): AgentReader;
  /** The runner ends. */
  end(): Promise<void>;
}

export interface Agent {
  /** Display name. */
  name: string;
  /** Absent: each prompt runs in a process of its own. */
  sessions?: SessionDriver;
  /** Finds the agent's executable. If it is missing, returns a sentence and a hint. */
  findProgram(): Promise<FoundProgram>;
  prepare(task: AgentTask): Promise<Preparation>;
  /** A stateful reader for the stdout of one run. */
  openReader(): AgentReader;
  /** Interprets a failure message; undefined means that the job itself failed. */
  readFailure(text: string, turn: Pick<TurnFacts, 'hasEvents'>, now: number): FailureReading | undefined;
}

export interface AgentReader {
  /** Reads one line of stdout; `whole` is false for a part of an overlong line. */
  readLine(line: string, whole: boolean): AgentEvent[];
  /** What the lines so far prove. */
  readonly turn: Readonly<TurnFacts>;
}

/** The facts about the turn of a run. */
export interface TurnFacts {
  /** The session that the agent reports; undefined if it has not reported one. */
  sessionId: string | undefined;
  /** `unknown`: no report yet. `open`: started, or had an error, and has not ended. */
  state: 'unknown' | 'open' | 'completed' | 'failed';
  /** Whether the agent prints events. Otherwise, its stdout is plain text. */
  hasEvents: boolean;
  /** Whether the prompt may have had an effect: a command, a changed file, a message, or an unknown event. */
  hasEffect: boolean;
  /** The meaning of the failure, when the agent gives it a type; otherwise its words decide. */
  reading?: FailureReading | undefined;
}
