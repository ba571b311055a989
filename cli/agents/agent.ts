/**
 * The interface between the runner and a coding agent: how to start the agent on a session, and how to read its output. Each
 * agent has one file. Codex is the only agent today. Messages to people name it, but no code depends on its name.
 */

import type { LOG_LEVELS, TRANSCRIPT_STREAMS } from '../../spec/contract/jobs.ts';
import type { ConditionCode } from '../../spec/job/condition.ts';
import type { CodexApproval, CodexSandbox } from '../../spec/local/policy.ts';

/** One prompt for one session. */
export interface AgentTask {
  /** The agent's id of the session. It is checked before it becomes an argument. */
  sessionId: string;
  prompt: string;
  /** Directory to work in. */
  cwd: string;
  /** The private folder of this run. The answer file is created in it. */
  folder: string;
  /** The settings that the owner's policy requires. */
  settings?: AgentSettings;
}

/** Settings of the machine's owner, never of a job. Without a setting, the agent's own configuration applies. */
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
  /** The text for stdin, which is closed after it. */
  input: string;
  /** The private file for the agent's answer. It is the only file in its folder (`answer-file.ts`). */
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
  /** Output of the agent or of its commands. */
  | { kind: 'log'; stream: OutputStream; level: LogLevel; text: string }
  | { kind: 'usage'; usage: AgentUsage }
  /**
   * The agent's explanation of a failure. If `final`, it is the reason why the turn failed. Otherwise the turn may
   * recover.
   */
  | { kind: 'failure'; message: string; final: boolean };

export type TranscriptStream = (typeof TRANSCRIPT_STREAMS)[number];
export type OutputStream = Extract<TranscriptStream, 'stdout' | 'stderr'>;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** How to start the agent, or a sentence that explains why it cannot be started. */
export type Preparation =
  | { kind: 'ready'; launch: AgentLaunch }
  | { kind: 'refused'; message: string }
  /** The executable is missing or cannot run, so no job can run. */
  | { kind: 'unavailable'; message: string };

/** The meaning of an agent's failure message. */
export type FailureReading =
  /**
   * A problem of the machine and not of the job, because every other job would fail, too. `until` is when the agent
   * works again, in epoch ms.
   */
  | { kind: 'condition'; code: ConditionCode; until?: number | undefined }
  /** The agent does not know the session. */
  | { kind: 'session_missing' }
  /** Another program has the session open, and the agent allows only one. */
  | { kind: 'session_in_use' }
  /** Only a person can fix the problem. A retry would fail, too. */
  | { kind: 'context_full' | 'model_unavailable' };

export type FoundProgram =
  /** `remarks`: sentences about possible surprises for the owner. */
  | { kind: 'found'; path: string; remarks: readonly string[] }
  /** The agent is missing or unusable, so no job can run. */
  | { kind: 'missing'; message: string; hint: string };

/** A session to open in an agent server. */
export type SessionTask = Pick<AgentTask, 'sessionId' | 'cwd' | 'settings'>;

/** The marker of a prompt in the transcript of its session. It names the job and the lease. */
export function markerOf(jobId: string, leaseId: string): string {
  return `orp:${jobId}:${leaseId}`;
}

/** The state of a turn whose prompt was entered with a marker. */
export interface EnteredTurn {
  turnId: string;
  marker: string;
  status: 'running' | 'completed' | 'interrupted' | 'failed';
  /** The answer to the prompt. Messages from before the turn read the prompt are not part of the answer. */
  answer: string | undefined;
  error: string | undefined;
  /** What the error means, if the agent reported a type of error. */
  reading?: FailureReading | undefined;
  /** True if another client began the turn, and the agent added the prompt to it. */
  isJoined?: boolean;
}

/** The result of a search for a marker. */
export type MarkerSearch =
  | { kind: 'found'; turn: EnteredTurn }
  | { kind: 'none' }
  /**
   * No turn has the marker yet, but this turn runs and may still read the prompt. `isJoined`: it has read another prompt, so
   * another client began it.
   */
  | { kind: 'pending'; turnId: string; isJoined: boolean }
  /** The server did not show the turns, so it is unknown. */
  | { kind: 'unread' };

/** A prompt that was entered with its marker. */
export interface MarkedPrompt {
  marker: string;
  prompt: string;
  /** True if another client is known to have begun the turn. */
  isJoined?: boolean | undefined;
}

export interface TurnListener {
  /** Gets each notification about the turn as one line of JSON. */
  take(line: string): Promise<void>;
  /** The prompt that the turn has not read yet. Notifications from before the turn reads this prompt are not passed on. */
  awaits?: MarkedPrompt | undefined;
  /** Called once if another client began the turn, and the agent added the awaited prompt to it. */
  onJoined?(): void;
}

export type TurnEnd =
  | {
      kind: 'ended';
      status: 'completed' | 'interrupted' | 'failed';
      /** The last message of the turn. */
      answer: string | undefined;
      /** True if the turn read the awaited prompt, or if nothing was awaited. */
      isRead: boolean;
    }
  /** The server or the connection to it has ended. */
  | { kind: 'lost' };

export type Entry =
  | { kind: 'entered'; turnId: string }
  | {
      kind: 'refused';
      /**
       * `certain`: the server refused the turn. `busy`: it refused the turn because another turn runs. `lost`: the connection
       * ended, so the turn may have begun. `late`: the server did not answer, so the turn may also begin later.
       */
      proof: 'certain' | 'busy' | 'lost' | 'late';
      message: string;
    };

/**
 * Optional abilities of an agent. A driver declares its abilities, and the runner uses no others.
 * `markers`: the driver can find a prompt in the transcript of its session.
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
  /** The first words of the first prompt. */
  firstPrompt: string;
  /** True if the server has the session loaded now. Another program may then have it open. */
  isOpen: boolean;
}

export const ASK_DECISIONS = ['accept', 'accept_for_session', 'decline', 'cancel'] as const;
/** After `decline`, the turn continues without the requested step. After `cancel`, the turn is interrupted. */
export type AskDecision = (typeof ASK_DECISIONS)[number];

/** A question of the agent to a person during a turn. */
export interface AgentAsk {
  /** Stays the same when the agent asks again after a new connection. */
  askId: string;
  turnId: string;
  kind: 'command' | 'file_change' | 'permissions' | 'input';
  /** The command, or the folder of the change. Blank if the agent names neither. */
  subject: string;
  reason: string | undefined;
  /** The decisions that the agent accepts. Empty for `input`. */
  decisions: readonly AskDecision[];
  /** Only for `input`. */
  questions: readonly { id: string; question: string; options: readonly string[]; isSecret: boolean }[];
}

/** For `input`, the answers are lists by the id of the question. */
export type AskAnswer = { decision: AskDecision } | { answers: Readonly<Record<string, readonly string[]>> };

export interface AskListener {
  onAsk(ask: AgentAsk): void;
  /** Called when somebody has answered or the turn has ended. Further answers are too late. */
  onClosed(askId: string): void;
}

/** The ended processes of a server, and the processes that could not be ended. */
export interface EndedServer {
  processes: number;
  left: number;
  signal: 'none' | 'SIGINT' | 'SIGTERM' | 'SIGKILL';
}

/** A session that is open in an agent server. */
export interface AgentSession {
  readonly how: 'own_server' | 'shared_server';
  /** True if a turn runs, from this runner or any other client. */
  readonly isBusy: boolean;
  /**
   * Finds the newest turn whose prompt has one of these markers.
   * @param isDeep searches older turns, and also finds a prompt that was added to a turn of another client, or may still be
   * added; slower
   */
  find(markers: readonly string[], isDeep?: boolean): Promise<MarkerSearch>;
  /** Starts a turn. The agent adds the prompt to a running turn if another client has begun one at the same moment. */
  enter(prompt: string, marker: string): Promise<Entry>;
  /** Passes on the server's notifications about a turn until the turn has ended. */
  follow(turnId: string, listener: TurnListener): Promise<TurnEnd>;
  interrupt(turnId: string): Promise<void>;
  /** Ends the server with its processes, because a turn did not end. Absent if the server does not belong to the runner. */
  endServer?: (() => Promise<EndedServer>) | undefined;
  /** Adds text to the running turn. The agent reads it before its next step. */
  steer(
    turnId: string,
    words: string,
    marker: string,
  ): Promise<{ kind: 'taken' } | { kind: 'refused'; message: string }>;
  /** Listens to the agent's questions, including those from before this call. Returns a function that stops listening. */
  listenToAsks(listener: AskListener): () => void;
  /**
   * Answers a question. Only the first answer counts. Returns false if the question is closed or does not accept this answer.
   */
  answer(askId: string, answer: AskAnswer): boolean;
  /** Releases the session, so that a person can open it. */
  close(): Promise<void>;
}

/**
 * A fact about a turn that the runner knows without the agent. The driver's reader receives the fact in the form of an agent
 * notification.
 */
export type TurnNote =
  /**
   * The runner began to follow the turn after it had started. The earlier part of the turn is unknown, so the runner assumes that the
   * prompt had an effect.
   */
  | { kind: 'joined' }
  /** The turn has completed, according to the transcript. */
  | { kind: 'completed'; turnId: string }
  /**
   * The end of the turn was not reported. `other_turn`: a turn of another client runs, so the prompt was not entered.
   * `not_entered`: the agent ended before the prompt was in the transcript.
   */
  | { kind: 'failed'; turnId: string; message: string; why?: 'other_turn' | 'not_entered' };

export type SessionOpening =
  /** `why` is the reason for this choice (shown as `session.how`), as part of a sentence. */
  | { kind: 'open'; session: AgentSession; why: string; version?: string | undefined }
  | { kind: 'refused'; message: string; reading?: FailureReading | undefined }
  /** No server can be used, for the reason in `why`. The prompt runs in its own process. */
  | { kind: 'no_server'; why: string; version?: string | undefined };

/** How the runner drives an agent, and why. */
export interface DrivenWay {
  way: 'shared_server' | 'own_server' | 'process';
  /** The reason, as part of a sentence. */
  why: string;
  /** The version of the agent. Undefined if unknown. */
  version?: string | undefined;
}

/** Drives the sessions of an agent through a server on this machine. */
export interface SessionDriver {
  readonly capabilities: ReadonlySet<Capability>;
  /** Returns the sessions of a folder, newest first. Throws if the agent does not answer. */
  findSessions(folder: string): Promise<FoundSession[]>;
  /** Opens the session, or reports that it is busy (`session_in_use`) or missing. */
  open(task: SessionTask): Promise<SessionOpening>;
  /** Opens a session in which this runner has already entered a prompt. Uses a server, even if new prompts are run without a server. */
  reopen(task: SessionTask): Promise<SessionOpening>;
  /**
   * Finds the newest turn with one of these markers in a session that another program has open. A turn that runs in that
   * program looks interrupted, so use this only after the prompt's server has ended. Always deep.
   */
  look(sessionId: string, markers: readonly string[]): Promise<MarkerSearch>;
  /** Waits until a session that was in use is free, and returns true. Returns false if the state of the session can no longer be determined. */
  untilFree(sessionId: string, signal: AbortSignal): Promise<boolean>;
  openReader(): AgentReader;
  /** Returns the lines that tell the reader what the runner knows about the turn. */
  noteLines(sessionId: string, note: TurnNote): string[];
  /** Called when the runner exits. */
  end(): Promise<void>;
}

export interface Agent {
  /** Display name. */
  name: string;
  /** If absent, each prompt runs in its own process. */
  sessions?: SessionDriver;
  /** Finds the agent's executable. If it is missing, returns a sentence and a hint. */
  findProgram(): Promise<FoundProgram>;
  prepare(task: AgentTask): Promise<Preparation>;
  /** A stateful reader for the stdout of one run. */
  openReader(): AgentReader;
  /** Interprets a failure message. Returns undefined if the job itself failed. */
  readFailure(text: string, turn: Pick<TurnFacts, 'hasEvents'>, now: number): FailureReading | undefined;
}

export interface AgentReader {
  /** Reads one line of stdout. `whole` is false for a part of a line that is too long. */
  readLine(line: string, whole: boolean): AgentEvent[];
  /** The facts that the lines so far prove. */
  readonly turn: Readonly<TurnFacts>;
}

/** The facts about the turn of a run. */
export interface TurnFacts {
  /** The session that the agent reported. Undefined if it has not reported a session. */
  sessionId: string | undefined;
  /**
   * The state of the turn. `unknown` means no report yet. `open` means that the turn has started, or had an error, and
   * has not ended.
   */
  state: 'unknown' | 'open' | 'completed' | 'failed';
  /** True if the agent prints events. Otherwise, its stdout is plain text. */
  hasEvents: boolean;
  /** True if the prompt may have had an effect: a command, a changed file, a message, or an unknown event. */
  hasEffect: boolean;
  /** The meaning of the failure, if the agent reports a failure type. Otherwise the text of the failure decides. */
  reading?: FailureReading | undefined;
}
