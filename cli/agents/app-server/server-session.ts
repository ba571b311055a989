/**
 * One open session of an agent server. It finds earlier prompts by their markers, enters a prompt, follows the turn and
 * interrupts it. Only the client that writes to a session sees which turn runs. For other clients, a running turn has the
 * status `interrupted`.
 */

import * as z from 'zod';
import { pause } from '../../base/pause.ts';
import type {
  AgentSession,
  AgentSettings,
  AskAnswer,
  AskListener,
  EnteredTurn,
  FailureReading,
  MarkerSearch,
  SessionTask,
  TurnEnd,
} from '../agent.ts';
import type { ServerNotification } from './frames.ts';
import { resumed, startedTurn, type Turn, turn, turnsPage } from './messages.ts';
import { OpenAsks } from './open-asks.ts';
import type { SandboxPolicy, TurnStartParams } from './protocol.generated.ts';
import { type CallOutcome, type Connection, OVERLOADED } from './rpc.ts';
import { readOpenError } from './turn-errors.ts';

export type Opening =
  | { kind: 'open'; session: ServerSession }
  | { kind: 'refused'; message: string; reading?: FailureReading | undefined }
  | { kind: 'lost'; message: string };

/** The number of turns in the answer that opens the session. A marker is nearly always in one of them. */
const FIRST_TURNS = 20;
const PAGE_TURNS = 50;
/** 20 pages have 1000 turns. A prompt of the job is among them. */
const MOST_PAGES = 20;
/** The maximum number of characters in waiting notifications. Above it, output of running commands is dropped. */
const MOST_WAITING = 8 * 1024 * 1024;

interface Place {
  connection: Connection;
  task: SessionTask;
  isShared: boolean;
  asks: OpenAsks;
}

export class ServerSession implements AgentSession {
  readonly #connection: Connection;
  readonly #task: SessionTask;
  readonly #isShared: boolean;
  readonly #asks: OpenAsks;
  readonly #stopListening: () => void;
  /** The turns at the time when the session was opened. Undefined once a turn was entered or followed. */
  #firstTurns: readonly Turn[] | undefined;
  /** The lines that were not read yet. */
  #waiting: string[] = [];
  #waitingLength = 0;
  #ended = new Map<string, Turn>();
  #wake: () => void = () => undefined;
  #isLost = false;

  /** True if a turn runs in the session, from this runner or any other client. */
  isBusy: boolean;
  endServer: AgentSession['endServer'];

  private constructor(
    { connection, task, isShared, asks }: Place,
    { isBusy, turns }: { isBusy: boolean; turns: readonly Turn[] },
    early: readonly ServerNotification[],
  ) {
    this.#connection = connection;
    this.#task = task;
    this.#isShared = isShared;
    this.#asks = asks;
    this.isBusy = isBusy;
    this.#firstTurns = turns;
    for (const notification of early) this.#hear(notification);
    this.#stopListening = connection.onNotification((notification) => this.#hear(notification));
    void connection.closed.then(() => {
      this.#isLost = true;
      this.#wake();
    });
  }

  static async open(connection: Connection, task: SessionTask, isShared: boolean): Promise<Opening> {
    const early: ServerNotification[] = [];
    const stop = connection.onNotification((notification) => early.push(notification));
    const asks = new OpenAsks(connection, task.sessionId);
    const reply = await connection.call('thread/resume', {
      threadId: task.sessionId,
      excludeTurns: true,
      initialTurnsPage: { limit: FIRST_TURNS },
      // In a shared server, the settings of the person apply.
      ...(isShared ? {} : { cwd: task.cwd, approvalPolicy: 'never' }),
    });
    stop();
    const opening = readOpening(reply);
    if (opening.kind !== 'open') {
      asks.dispose();
      return opening;
    }
    return { kind: 'open', session: new ServerSession({ connection, task, isShared, asks }, opening, early) };
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
    const isWhole = first.length > 0 && first.length < FIRST_TURNS;
    if (found !== undefined || (isWhole && !isDeep)) return searched(found);
    return (isDeep ? findDeep : findTurn)(this.#connection, this.#task.sessionId, markers);
  }

  async enter(prompt: string, marker: string) {
    this.#firstTurns = undefined;
    const reply = await this.#connection.call('turn/start', {
      threadId: this.#task.sessionId,
      clientUserMessageId: marker,
      input: [{ type: 'text', text: prompt, text_elements: [] }],
      ...turnSettings(this.#task.settings, this.#isShared),
    });
    if (reply.kind !== 'ok') {
      const isCertain = reply.kind === 'error';
      return { kind: 'refused' as const, isCertain, message: isCertain ? reply.message : lossOf(reply) };
    }
    const turnId = startedTurn.safeParse(reply.result).data?.turn.id;
    if (turnId === undefined)
      return {
        kind: 'refused' as const,
        isCertain: false,
        message: 'the agent server gave an unknown answer',
      };
    return { kind: 'entered' as const, turnId };
  }

  async follow(turnId: string, take: (line: string) => Promise<void>): Promise<TurnEnd> {
    this.#firstTurns = undefined;
    for (;;) {
      const lines = this.#waiting;
      this.#waiting = [];
      this.#waitingLength = 0;
      for (const line of lines) if (isAbout(line, turnId)) await take(line);
      if (this.#waiting.length > 0) continue;
      const ended = this.#ended.get(turnId);
      if (ended !== undefined) {
        this.isBusy = false;
        return { kind: 'ended', status: endOf(ended), answer: answerOf(ended) };
      }
      if (this.#isLost) return { kind: 'lost' };
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
  }

  async interrupt(turnId: string): Promise<void> {
    const params = { threadId: this.#task.sessionId, turnId };
    const endsAt = performance.now() + INTERRUPT.timeoutMs;
    // Codex refuses to interrupt a turn that it has accepted but not begun, so this asks until the turn has ended.
    while (!this.#ended.has(turnId) && !this.#isLost) {
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
    this.#stopListening();
    this.#asks.dispose();
    if (this.#isLost) return;
    if (!this.#isShared) await this.#endTerminals();
    await this.#connection.call('thread/unsubscribe', { threadId: this.#task.sessionId }, INTERRUPT);
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

  #hear({ method, params }: ServerNotification): void {
    const about = notice.safeParse(params).data;
    const isOfAccount = method === 'account/rateLimits/updated';
    if (about === undefined || (!isOfAccount && about.threadId !== this.#task.sessionId)) return;
    if (method === 'turn/started' || method === 'turn/completed') this.isBusy = method === 'turn/started';
    if (method === 'turn/completed' && about.turn !== undefined) this.#ended.set(about.turn.id, about.turn);
    const isLate = method.endsWith('/outputDelta') && this.#waitingLength > MOST_WAITING;
    if (!isLate) {
      const line = JSON.stringify({ method, params });
      this.#waiting.push(line);
      this.#waitingLength += line.length;
    }
    this.#wake();
  }
}

/** Searches the newest turns of a session. The session need not be open here. */
export async function findTurn(
  connection: Connection,
  sessionId: string,
  markers: readonly string[],
): Promise<MarkerSearch> {
  let cursor: string | undefined;
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const reply = await connection.call('thread/turns/list', {
      threadId: sessionId,
      limit: PAGE_TURNS,
      ...(cursor === undefined ? {} : { cursor }),
    });
    if (isUnanswered(reply)) return { kind: 'unread' };
    const page = reply.kind === 'ok' ? turnsPage.safeParse(reply.result).data : undefined;
    if (reply.kind === 'ok' && page === undefined) return { kind: 'unread' };
    const found = findMarked(page?.data ?? [], markers);
    if (found !== undefined) return searched(found);
    const next = page?.nextCursor ?? undefined;
    if (next === undefined || next === cursor) break;
    cursor = next;
  }
  return { kind: 'none' };
}

/**
 * Like {@link findTurn}, but also finds a prompt that joined a turn of another client. A page of turns shows only the first
 * prompt of each turn unless it is asked for everything.
 */
export async function findDeep(
  connection: Connection,
  sessionId: string,
  markers: readonly string[],
): Promise<MarkerSearch> {
  const search = await findTurn(connection, sessionId, markers);
  if (search.kind !== 'none') return search;
  const reply = await connection.call('thread/turns/list', {
    threadId: sessionId,
    limit: FIRST_TURNS,
    itemsView: 'full',
  });
  if (isUnanswered(reply)) return { kind: 'unread' };
  const page = reply.kind === 'ok' ? turnsPage.safeParse(reply.result).data : undefined;
  if (reply.kind === 'ok' && page === undefined) return { kind: 'unread' };
  return searched(findMarked(page?.data ?? [], markers));
}

function searched(turn: EnteredTurn | undefined): MarkerSearch {
  return turn === undefined ? { kind: 'none' } : { kind: 'found', turn };
}

/** Another error is an answer: the server has no turns of this session. */
function isUnanswered(reply: CallOutcome<unknown>): boolean {
  return reply.kind === 'error' ? reply.code === OVERLOADED : reply.kind !== 'ok';
}

/** Reads the answer to the request to open the session. */
function readOpening(
  reply: CallOutcome<unknown>,
): Exclude<Opening, { kind: 'open' }> | { kind: 'open'; isBusy: boolean; turns: readonly Turn[] } {
  if (reply.kind === 'error') {
    return { kind: 'refused', message: reply.message, reading: readOpenError(reply.message) };
  }
  if (reply.kind !== 'ok') return { kind: 'lost', message: lossOf(reply) };
  const read = resumed.safeParse(reply.result).data;
  if (read === undefined) return { kind: 'lost', message: 'the agent server gave an unknown answer' };
  const page = turnsPage.safeParse((reply.result as { initialTurnsPage?: unknown }).initialTurnsPage).data;
  return { kind: 'open', isBusy: read.thread.status.type === 'active', turns: page?.data ?? [] };
}

function lossOf(outcome: Exclude<CallOutcome<unknown>, { kind: 'ok' } | { kind: 'error' }>): string {
  return outcome.kind === 'closed' ? 'the agent server ended' : 'the agent server did not answer in time';
}

/** Codex answers an interrupt within 31 ms. If the turn does not end, `turn-engine.ts` ends the server. */
const INTERRUPT = { timeoutMs: 3000 };
const AGAIN_MS = 20;

const notice = z.looseObject({
  threadId: z.string().optional().catch(undefined),
  turn: turn.optional().catch(undefined),
});
const lineAbout = z.object({
  params: z.looseObject({
    turnId: z.string().optional().catch(undefined),
    turn: z.looseObject({ id: z.string() }).optional().catch(undefined),
  }),
});

function isAbout(line: string, turnId: string): boolean {
  const params = lineAbout.safeParse(JSON.parse(line)).data?.params;
  const about = params?.turn?.id ?? params?.turnId;
  // A notification without a turn concerns the account.
  return about === undefined || about === turnId;
}

/** Returns the newest turn with one of the markers. */
function findMarked(turns: readonly Turn[], markers: readonly string[]): EnteredTurn | undefined {
  for (const one of turns) {
    const marker = one.items.find(({ clientId }) => clientId != null && markers.includes(clientId))?.clientId;
    if (marker == null) continue;
    const status = one.status === 'inProgress' ? 'running' : endOf(one);
    return { turnId: one.id, marker, status, answer: answerOf(one), error: one.error?.message };
  }
  return undefined;
}

function endOf({ status }: Turn): 'completed' | 'interrupted' | 'failed' {
  return status === 'inProgress' ? 'interrupted' : status;
}

function answerOf({ items }: Turn): string | undefined {
  return items.findLast(({ type }) => type === 'agentMessage')?.text || undefined;
}

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
