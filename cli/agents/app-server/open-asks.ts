/** The unanswered questions of one session. */

import type { AgentAsk, AskAnswer, AskListener } from '../agent.ts';
import { readAsk, sendAnswer } from './asks.ts';
import type { ServerRequest } from './frames.ts';
import type { Connection } from './rpc.ts';

/** A turn asks one thing after the other. */
const MOST_OPEN = 64;

export class OpenAsks {
  readonly #connection: Connection;
  readonly #threadId: string;
  readonly #open = new Map<string, { request: ServerRequest; ask: AgentAsk }>();
  readonly #listeners = new Set<AskListener>();
  readonly #stops: (() => void)[];

  /** Made before the session is opened: the server repeats open requests while it opens the session. */
  constructor(connection: Connection, threadId: string) {
    this.#connection = connection;
    this.#threadId = threadId;
    this.#stops = [
      connection.onRequest((request) => this.#hear(request)),
      connection.onNotification(({ method, params }) => {
        if (method === 'serverRequest/resolved' && params.threadId === threadId)
          this.#close(String(params.requestId));
      }),
    ];
  }

  listen(listener: AskListener): () => void {
    this.#listeners.add(listener);
    for (const { ask } of this.#open.values()) listener.onAsk(ask);
    return () => this.#listeners.delete(listener);
  }

  answer(askId: string, answer: AskAnswer): boolean {
    const open = this.#open.get(askId);
    if (open === undefined || !sendAnswer(this.#connection, open.request, answer)) return false;
    this.#close(askId);
    return true;
  }

  dispose(): void {
    for (const stop of this.#stops) stop();
    for (const askId of [...this.#open.keys()]) this.#close(askId);
  }

  #hear(request: ServerRequest): void {
    if (request.params.threadId !== this.#threadId) return;
    const ask = readAsk(request);
    if (ask === undefined) return;
    const isKnown = this.#open.has(ask.askId);
    if (!isKnown && this.#open.size >= MOST_OPEN) return;
    this.#open.set(ask.askId, { request, ask });
    if (!isKnown) for (const listener of this.#listeners) listener.onAsk(ask);
  }

  #close(askId: string): void {
    if (!this.#open.delete(askId)) return;
    for (const listener of this.#listeners) listener.onClosed(askId);
  }
}
