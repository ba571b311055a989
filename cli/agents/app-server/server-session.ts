/**
 * One open session of an agent server. It finds earlier prompts by their markers, enters a prompt, follows the turn and
 * interrupts it.
 */

import { pause } from '../../base/pause.ts';
import type {
  AgentSession,
  AgentSettings,
  AskAnswer,
  AskListener,
  Entry,
  FailureReading,
  MarkerSearch,
  SessionTask,
  TurnEnd,
  TurnListener,
} from '../agent.ts';
import { OpenAsks } from './asks.ts';
import { UNREADABLE } from './frames.ts';
import { HeardTurns } from './heard-turns.ts';
import { resumed, startedTurn, type Turn, turnsPage } from './messages.ts';
import type { SandboxPolicy, TurnStartParams } from './protocol.generated.ts';
import type { CallOutcome, Connection } from './rpc.ts';
import { isOtherTurn, readOpenError } from './turn-errors.ts';
import { FIRST_TURNS, findDeep, findMarked, findTurn } from './turns.ts';

export type Opening =
  | { kind: 'open'; session: ServerSession }
  | { kind: 'refused'; message: string; reading?: FailureReading | undefined }
  | { kind: 'lost'; message: string };

interface Sandbox {
  policy: SandboxPolicy | undefined;
  /** The name of the session's permission profile. */
  profile: string | undefined;
}

interface Opened {
  isBusy: boolean;
  turns: readonly Turn[];
  sandbox: Sandbox;
}

interface Place {
  connection: Connection;
  task: SessionTask;
  isShared: boolean;
  asks: OpenAsks;
  heard: HeardTurns;
}

export class ServerSession implements AgentSession {
  readonly #connection: Connection;
  readonly #task: SessionTask;
  readonly #isShared: boolean;
  readonly #asks: OpenAsks;
  readonly #heard: HeardTurns;
  /** The turns at the time when the session was opened. Undefined once a turn was entered or followed. */
  #firstTurns: readonly Turn[] | undefined;
  readonly #wasBusy: boolean;
  /** The sandbox that the session had when it was opened. */
  readonly #sandbox: Sandbox;
  #hasEntered = false;
  endServer: AgentSession['endServer'];

  private constructor(
    { connection, task, isShared, asks, heard }: Place,
    { isBusy, turns, sandbox }: Opened,
  ) {
    this.#connection = connection;
    this.#task = task;
    this.#isShared = isShared;
    this.#asks = asks;
    this.#heard = heard;
    this.#wasBusy = isBusy;
    this.#sandbox = sandbox;
    this.#firstTurns = turns;
  }

  static async open(connection: Connection, task: SessionTask, isShared: boolean): Promise<Opening> {
    const heard = new HeardTurns(connection, task.sessionId);
    const asks = new OpenAsks(connection, task.sessionId);
    const reply = await connection.call('thread/resume', {
      threadId: task.sessionId,
      excludeTurns: true,
      initialTurnsPage: { limit: FIRST_TURNS },
      // If a person shares this server, the person's settings apply.
      ...(isShared ? {} : { cwd: task.cwd, approvalPolicy: 'never' }),
    });
    const opening = readOpening(reply);
    if (opening.kind !== 'open') {
      heard.dispose();
      asks.dispose();
      return opening;
    }
    return { kind: 'open', session: new ServerSession({ connection, task, isShared, asks, heard }, opening) };
  }

  /** True if a turn runs in the session, from this runner or any other client. */
  get isBusy(): boolean {
    return this.#heard.isBusy ?? this.#wasBusy;
  }

  get sessionId(): string {
    return this.#task.sessionId;
  }

  get how(): AgentSession['how'] {
    return this.#isShared ? 'shared_server' : 'own_server';
  }

  async find(markers: readonly string[], isDeep = false): Promise<MarkerSearch> {
    const first = this.#firstTurns ?? [];
    const found = findMarked(first, markers);
    if (found !== undefined) return { kind: 'found', turn: found };
    // Only a prompt of an earlier lease can be in an older turn.
    if (first.length > 0 && !isDeep) return { kind: 'none' };
    return (isDeep ? findDeep : findTurn)(this.#connection, this.#task.sessionId, markers);
  }

  async enter(prompt: string, marker: string): Promise<Entry> {
    this.#firstTurns = undefined;
    this.#hasEntered = true;
    const params = {
      threadId: this.#task.sessionId,
      clientUserMessageId: marker,
      input: [{ type: 'text' as const, text: prompt, text_elements: [] }],
      ...turnSettings(this.#task.settings, this.#isShared),
    };
    const reply = await this.#connection.call('turn/start', params, ENTER);
    if (reply.kind !== 'ok') return { kind: 'refused', ...refusalOf(reply) };
    const turnId = startedTurn.safeParse(reply.result).data?.turn.id;
    if (turnId !== undefined) return { kind: 'entered', turnId };
    return { kind: 'refused', proof: 'lost', message: UNKNOWN_ANSWER };
  }

  follow(turnId: string, listener: TurnListener): Promise<TurnEnd> {
    this.#firstTurns = undefined;
    return this.#heard.follow(turnId, listener);
  }

  async interrupt(turnId: string): Promise<void> {
    const params = { threadId: this.#task.sessionId, turnId };
    const endsAt = performance.now() + INTERRUPT.timeoutMs;
    // Codex refuses to interrupt a turn that it has accepted but not begun, so repeat the request until the turn has ended.
    while (!this.#heard.hasEnded(turnId) && !this.#heard.isLost) {
      await this.#connection.call('turn/interrupt', params, INTERRUPT);
      if (performance.now() > endsAt) break;
      await pause(AGAIN_MS);
    }
    if (!this.#isShared) await this.#endTerminals();
  }

  async steer(turnId: string, prompt: string, marker: string) {
    const reply = await this.#connection.call('turn/steer', {
      threadId: this.#task.sessionId,
      expectedTurnId: turnId,
      clientUserMessageId: marker,
      input: [{ type: 'text', text: prompt, text_elements: [] }],
    });
    if (reply.kind === 'ok') return { kind: 'taken' as const };
    return { kind: 'refused' as const, message: reply.kind === 'error' ? reply.message : lossOf(reply) };
  }

  listenToAsks(listener: AskListener): () => void {
    return this.#asks.listen(listener);
  }

  answer(askId: string, answer: AskAnswer): boolean {
    return this.#asks.answer(askId, answer);
  }

  async close(): Promise<void> {
    this.#heard.dispose();
    this.#asks.dispose();
    if (this.#heard.isLost) return;
    if (!this.#isShared) await this.#endTerminals();
    else if (this.#hasEntered) await this.#restoreSandbox();
    await this.#connection.call('thread/unsubscribe', { threadId: this.#task.sessionId }, INTERRUPT);
  }

  /**
   * The sandbox of a turn also applies to the later turns of the session. Restores the sandbox that the person had, unless the person has
   * chosen another sandbox in the meantime.
   */
  async #restoreSandbox(): Promise<void> {
    const { sandbox } = this.#task.settings ?? {};
    const { policy, profile } = this.#sandbox;
    if (sandbox === undefined || policy === undefined) return;
    const threadId = this.#task.sessionId;
    const now = await this.#connection.call('thread/resume', { threadId, excludeTurns: true }, INTERRUPT);
    const isOurs =
      now.kind === 'ok' && resumed.safeParse(now.result).data?.sandbox?.type === SANDBOXES[sandbox].type;
    if (!isOurs) return;
    const before = profile === undefined ? { sandboxPolicy: policy } : { permissions: profile };
    await this.#connection.call('thread/settings/update', { threadId, ...before }, INTERRUPT);
  }

  /**
   * Ends the commands that a turn left running, such as a server in the background. Does not touch the person's terminals.
   */
  async #endTerminals(): Promise<void> {
    await this.#connection.call(
      'thread/backgroundTerminals/clean',
      { threadId: this.#task.sessionId },
      INTERRUPT,
    );
  }
}

/** Reads the answer to the request to open the session. */
function readOpening(
  reply: CallOutcome<unknown>,
): Exclude<Opening, { kind: 'open' }> | ({ kind: 'open' } & Opened) {
  if (reply.kind === 'error') {
    return { kind: 'refused', message: reply.message, reading: readOpenError(reply.message) };
  }
  if (reply.kind !== 'ok') return { kind: 'lost', message: lossOf(reply) };
  const read = resumed.safeParse(reply.result).data;
  if (read === undefined) return { kind: 'lost', message: UNKNOWN_ANSWER };
  const page = turnsPage.safeParse((reply.result as { initialTurnsPage?: unknown }).initialTurnsPage).data;
  const sandbox = {
    policy: read.sandbox as SandboxPolicy | undefined,
    profile: read.activePermissionProfile?.id,
  };
  return { kind: 'open', isBusy: read.thread.status.type === 'active', turns: page?.data ?? [], sandbox };
}

/** Returns what an answer proves about the prompt. */
function refusalOf(
  reply: Exclude<CallOutcome<unknown>, { kind: 'ok' }>,
): Pick<Extract<Entry, { kind: 'refused' }>, 'proof' | 'message'> {
  if (reply.kind === 'closed') return { proof: 'lost', message: lossOf(reply) };
  if (reply.kind === 'timeout') return { proof: 'late', message: lossOf(reply) };
  const { code, message } = reply;
  if (code === UNREADABLE) return { proof: 'lost', message };
  return { proof: isOtherTurn(message) ? 'busy' : 'certain', message };
}

function lossOf(outcome: Exclude<CallOutcome<unknown>, { kind: 'ok' } | { kind: 'error' }>): string {
  return outcome.kind === 'closed' ? 'the agent server ended' : 'the agent server did not answer in time';
}

const UNKNOWN_ANSWER = 'the agent server gave an unknown answer';
/** Codex answers within 30 ms. The wait is much longer, because a prompt whose turn begins after it might run twice. */
const ENTER = { timeoutMs: 30_000 };
/** Codex answers an interrupt within 31 ms. If the turn does not end, `turn-engine.ts` ends the server. */
const INTERRUPT = { timeoutMs: 3000 };
const AGAIN_MS = 20;

/** The settings of this turn. In the person's server, only settings that the policy requires are changed. */
function turnSettings({ sandbox }: AgentSettings = {}, isShared: boolean): Partial<TurnStartParams> {
  return {
    ...(isShared ? {} : { approvalPolicy: 'never' }),
    ...(sandbox === undefined ? {} : { sandboxPolicy: SANDBOXES[sandbox] }),
  };
}

const SANDBOXES: Readonly<Record<NonNullable<AgentSettings['sandbox']>, SandboxPolicy>> = {
  'read-only': { type: 'readOnly', networkAccess: false },
  'workspace-write': {
    type: 'workspaceWrite',
    writableRoots: [],
    networkAccess: false,
    excludeTmpdirEnvVar: false,
    excludeSlashTmp: false,
  },
  'danger-full-access': { type: 'dangerFullAccess' },
};
