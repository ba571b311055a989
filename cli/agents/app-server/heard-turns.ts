/**
 * Keeps the server's unread notifications about the turns of one session. Memory stays bounded, because only the newest diff and plan are
 * kept, and notifications above a limit are dropped.
 *
 * The server may add a prompt to a running turn without reporting this. The first prompt that the server reports for the turn shows
 * whose turn it is.
 */

import * as z from 'zod/mini';
import type { MarkedPrompt, TurnEnd, TurnListener } from '../agent.ts';
import type { ServerNotification } from './frames.ts';
import { type Item, item, type Turn, turn } from './messages.ts';
import type { Connection } from './rpc.ts';
import { CUT_METHOD } from './turn-reader.ts';
import { lastMessage } from './turns.ts';

/** The maximum number of characters in unread notifications. The last notification may exceed this limit. */
const MOST_WAITING = 8 * 1024 * 1024;
/** The maximum number of unread notifications. */
const MOST_LINES = 20_000;
/** The number of ended turns to remember, because a turn may end before the answer that names it arrives. */
const MOST_ENDED = 4;

/** Notifications that replace earlier ones. Only the newest unread notification of each kind is kept. */
const NEWEST_ONLY: ReadonlySet<string> = new Set([
  'turn/diff/updated',
  'turn/plan/updated',
  'thread/tokenUsage/updated',
  'account/rateLimits/updated',
]);
/** Notifications that are never shown. They only prove that the turn is still active. */
const SIGNS_OF_LIFE: ReadonlySet<string> = new Set(['item/agentMessage/delta', 'thread/status/changed']);
const SIGN_OF_LIFE = JSON.stringify({ method: 'thread/status/changed', params: {} });
/** Items that may come before the prompt in a turn of this runner. */
const BEFORE_PROMPT: ReadonlySet<string> = new Set(['hookPrompt', 'contextCompaction', 'reasoning']);

const notice = z.looseObject({
  threadId: z.catch(z.optional(z.string()), undefined),
  turnId: z.catch(z.optional(z.string()), undefined),
  turn: z.catch(z.optional(turn), undefined),
  item: z.catch(z.optional(item), undefined),
});

interface Heard {
  method: string;
  line: string;
  /** The turn of the notification. Undefined if the notification concerns the account. */
  turnId: string | undefined;
  /** The item that has begun or ended. */
  item: Pick<Item, 'type' | 'clientId' | 'content' | 'source'> | undefined;
}

export class HeardTurns {
  readonly #sessionId: string;
  readonly #stop: () => void;
  #waiting: Heard[] = [];
  #length = 0;
  #isCut = false;
  readonly #ended = new Map<string, Turn>();
  #wake: () => void = () => undefined;
  #isBusy: boolean | undefined;
  isLost = false;

  constructor(connection: Connection, sessionId: string) {
    this.#sessionId = sessionId;
    this.#stop = connection.onNotification((notification) => this.#hear(notification));
    void connection.closed.then(() => {
      this.isLost = true;
      this.#wake();
    });
  }

  /** Returns whether a turn runs, from this runner or any other client. Undefined if no turn has begun or ended yet. */
  get isBusy(): boolean | undefined {
    return this.#isBusy;
  }

  hasEnded(turnId: string): boolean {
    return this.#ended.has(turnId);
  }

  dispose(): void {
    this.#stop();
    this.#waiting = [];
  }

  async follow(turnId: string, { take, awaits, onJoined }: TurnListener): Promise<TurnEnd> {
    const gate = new Gate(awaits);
    for (;;) {
      for (const heard of this.#takeAll(turnId)) {
        const { lines, isJoined } = gate.pass(heard);
        if (isJoined) onJoined?.();
        for (const line of lines) await take(line);
      }
      if (this.#waiting.length > 0) continue;
      const ended = this.#ended.get(turnId);
      if (ended !== undefined) {
        this.#isBusy = false;
        for (const line of gate.end()) await take(line);
        if (gate.isRead) await take(this.#endLine(ended));
        return { kind: 'ended', status: endOf(ended), answer: lastMessage(ended.items), isRead: gate.isRead };
      }
      if (this.isLost) return { kind: 'lost' };
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
  }

  /** Removes and returns the unread notifications about the turn. */
  #takeAll(turnId: string): Heard[] {
    const waiting = this.#waiting;
    const isCut = this.#isCut;
    this.#waiting = [];
    this.#length = 0;
    this.#isCut = false;
    const about = waiting.filter((heard) => heard.turnId === undefined || heard.turnId === turnId);
    return isCut ? [...about, { ...this.#bare(CUT_METHOD, turnId), item: undefined }] : about;
  }

  #hear({ method, params }: ServerNotification): void {
    const about = notice.safeParse(params).data;
    const isOfAccount = method === 'account/rateLimits/updated';
    if (about === undefined || (!isOfAccount && about.threadId !== this.#sessionId)) return;
    const turnId = about.turn?.id ?? about.turnId;
    if (method === 'turn/started' || method === 'turn/completed') this.#isBusy = method === 'turn/started';
    if (method === 'turn/completed') this.#noteEnd(about.turn);
    else if (SIGNS_OF_LIFE.has(method)) this.#addSign(method, turnId);
    else this.#add({ method, turnId, item: about.item && identify(about.item), line: '' }, params);
    this.#wake();
  }

  #noteEnd(ended: Turn | undefined): void {
    if (ended === undefined) return;
    this.#ended.delete(ended.id);
    const [oldest] = this.#ended.keys();
    if (oldest !== undefined && this.#ended.size >= MOST_ENDED) this.#ended.delete(oldest);
    this.#ended.set(ended.id, ended);
  }

  #addSign(method: string, turnId: string | undefined): void {
    const last = this.#waiting.at(-1);
    if (last?.method !== method || last.turnId !== turnId) this.#add(this.#bare(method, turnId));
  }

  #add(heard: Heard, params?: object): void {
    if (NEWEST_ONLY.has(heard.method)) this.#dropOlder(heard);
    if (this.#length > MOST_WAITING || this.#waiting.length >= MOST_LINES) {
      this.#isCut = true;
      return;
    }
    const line = params === undefined ? heard.line : JSON.stringify({ method: heard.method, params });
    this.#waiting.push({ ...heard, line });
    this.#length += line.length;
  }

  #dropOlder({ method, turnId }: Heard): void {
    const at = this.#waiting.findLastIndex((older) => older.method === method && older.turnId === turnId);
    const [older] = at < 0 ? [] : this.#waiting.splice(at, 1);
    this.#length -= older?.line.length ?? 0;
  }

  #bare(method: string, turnId: string | undefined): Heard {
    const line = JSON.stringify({ method, params: { threadId: this.#sessionId, turnId } });
    return { method, turnId, line, item: undefined };
  }

  #endLine({ id, status, error }: Turn): string {
    const params = { threadId: this.#sessionId, turn: { id, status, error, items: [] } };
    return JSON.stringify({ method: 'turn/completed', params });
  }
}

/**
 * Holds back what a turn does until it has read the awaited prompt:
 *
 *   its first prompt is the awaited one                    → the runner began the turn; everything passes
 *   its first prompt is another, or a command of a person  → another client began the turn; what came before the awaited prompt
 *                                                            is dropped
 *   anything else comes first                              → the server does not report prompts; everything passes
 */
class Gate {
  readonly #awaits: MarkedPrompt | undefined;
  #state: 'holds' | 'drops' | 'open';
  #held: string[] = [];

  constructor(awaits: MarkedPrompt | undefined) {
    this.#awaits = awaits;
    this.#state = awaits === undefined ? 'open' : awaits.isJoined ? 'drops' : 'holds';
  }

  /** True if the turn has read the prompt, or if that is unknown. */
  get isRead(): boolean {
    return this.#state !== 'drops';
  }

  /** Returns the lines to pass on. `isJoined` is true if these lines show that another client began the turn. */
  pass({ line, item: about }: Heard): { lines: string[]; isJoined: boolean } {
    const wasHolding = this.#state === 'holds';
    if (about !== undefined && this.#state !== 'open') this.#state = this.#judge(about);
    if (this.#state === 'holds') this.#held.push(line);
    const isJoined = wasHolding && this.#state === 'drops';
    if (this.#state !== 'open') return { lines: isJoined ? [] : this.#signs(), isJoined };
    return { lines: [...this.end(), line], isJoined: false };
  }

  /** A turn that works on another prompt is not silent. */
  #signs(): string[] {
    return this.#state === 'drops' ? [SIGN_OF_LIFE] : [];
  }

  /** Returns the lines that are still held. */
  end(): string[] {
    const held = this.#state === 'drops' ? [] : this.#held;
    this.#held = [];
    return held;
  }

  #judge(about: NonNullable<Heard['item']>): 'holds' | 'drops' | 'open' {
    if (about.type === 'userMessage') return this.#isAwaited(about) ? 'open' : 'drops';
    if (this.#state === 'drops' || BEFORE_PROMPT.has(about.type)) return this.#state;
    return about.source === 'userShell' ? 'drops' : 'open';
  }

  #isAwaited({ clientId, content = [] }: NonNullable<Heard['item']>): boolean {
    if (clientId != null) return clientId === this.#awaits?.marker;
    // The server does not keep markers.
    return content.map(({ text = '' }) => text).join('') === this.#awaits?.prompt;
  }
}

/** Keeps only the fields that show which client began the turn, because an item may be large. */
function identify({ type, clientId, content, source }: Item): Heard['item'] {
  return { type, clientId, source, content: clientId == null ? content : undefined };
}

export function endOf({ status }: Pick<Turn, 'status'>): 'completed' | 'interrupted' | 'failed' {
  return status === 'inProgress' ? 'interrupted' : status;
}
