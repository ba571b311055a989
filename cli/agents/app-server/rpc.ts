/**
 * JSON-RPC with one Codex app-server over one connection. Failures are values, and no message from the server causes an
 * exception. `orp` does not answer an unknown request of the server, because an error could close a dialog in another client.
 */

import { createConnection } from 'node:net';
import { WebSocket } from 'ws';
import { fullJitter, pause } from '../../base/pause.ts';
import {
  type Answer,
  type RequestMethod,
  readFrame,
  type ServerNotification,
  type ServerRequest,
} from './frames.ts';
import type { ClientMethods, ClientNotifications, ServerRequests } from './protocol.generated.ts';

/**
 * The largest accepted frame. One frame can contain the history of a long session or the complete diff of a turn. A larger
 * frame ends the connection, so that it cannot fill the memory of the runner.
 */
export const MAX_FRAME_BYTES = 32 * 1024 * 1024;
/** How long a call may take; the app-server answers in milliseconds. */
const CALL_TIMEOUT_MS = 10_000;
/** The maximum number of unanswered calls at one time. A runner makes only a few calls per job. */
export const MAX_CALLS = 64;
/** The error code with which the app-server reports that it is overloaded and has not started the request. */
export const OVERLOADED = -32001;
/** At most 3 s of pauses in all. */
const OVERLOAD = { attempts: 5, firstMs: 200, limitMs: 1600 };
/** How long the closing handshake may take. */
const CLOSE_MS = 1000;

export type CallOutcome<Result> =
  | { kind: 'ok'; result: Result }
  | { kind: 'error'; code: number; message: string }
  | { kind: 'closed' }
  | { kind: 'timeout' };

export type ConnectOutcome =
  | { kind: 'ok'; connection: Connection }
  | { kind: 'closed'; reason: string }
  | { kind: 'timeout' };

export interface Connection {
  call<M extends keyof ClientMethods>(
    method: M,
    params: ClientMethods[M]['params'],
    options?: { timeoutMs?: number },
  ): Promise<CallOutcome<ClientMethods[M]['result']>>;
  notify(method: keyof ClientNotifications): void;
  /** Returns a function that removes the listener. */
  onNotification(listener: (notification: ServerNotification) => void): () => void;
  /** The listener may answer at any later time. Returns a function that removes the listener. */
  onRequest(listener: (request: ServerRequest) => void): () => void;
  /** Answers a request of the server. Returns false when the connection is closed. */
  answer<M extends RequestMethod>(
    request: { id: string | number; method: M },
    result: ServerRequests[M]['result'],
  ): boolean;
  /** Resolves with the reason when the connection ends. */
  closed: Promise<string>;
  close(): void;
}

export interface ConnectOptions {
  timeoutMs: number;
  /** Called with the reason when a frame is ignored or a listener fails. */
  onIgnored?: (why: string) => void;
}

/** Connects to the app-server that listens on the unix socket. */
export function connect(path: string, options: ConnectOptions): Promise<ConnectOutcome> {
  const socket = openUnixSocket(path);
  const connection = new RpcConnection(socket, options.onIgnored);
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve({ kind: 'timeout' });
      socket.terminate();
    }, options.timeoutMs);
    socket.once('open', () => {
      clearTimeout(timer);
      resolve({ kind: 'ok', connection });
    });
    void connection.closed.then((reason) => {
      clearTimeout(timer);
      resolve({ kind: 'closed', reason });
    });
  });
}

/** Node's own `WebSocket` cannot open a unix socket. */
function openUnixSocket(path: string): WebSocket {
  return new WebSocket('ws://localhost/', {
    // A `ws+unix:` URL would escape a space in the path and end the path at a colon. `createConnection` accepts any path.
    createConnection: (() => createConnection(path)) as typeof createConnection,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
  });
}

class RpcConnection implements Connection {
  readonly closed: Promise<string>;
  readonly #socket: WebSocket;
  readonly #onIgnored: (why: string) => void;
  readonly #notified = new Set<(notification: ServerNotification) => void>();
  readonly #requested = new Set<(request: ServerRequest) => void>();
  readonly #pending = new Map<number, (outcome: CallOutcome<object>) => void>();
  readonly #ended = new AbortController();
  #calls = 0;
  #lastId = 0;

  constructor(socket: WebSocket, onIgnored: (why: string) => void = () => undefined) {
    this.#socket = socket;
    this.#onIgnored = onIgnored;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.closed = promise;
    socket.on('message', (data, isBinary) => this.#receive(String(data), isBinary));
    let problem: string | undefined;
    socket.on('error', (error) => {
      problem = error.message;
    });
    // `ws` emits this after every error, too.
    socket.on('close', (code) => {
      this.#end();
      resolve(problem ?? `The app-server closed the connection (${code}).`);
    });
  }

  async call<M extends keyof ClientMethods>(
    method: M,
    params: ClientMethods[M]['params'],
    { timeoutMs = CALL_TIMEOUT_MS }: { timeoutMs?: number } = {},
  ): Promise<CallOutcome<ClientMethods[M]['result']>> {
    if (this.#calls >= MAX_CALLS) {
      return {
        kind: 'error',
        code: OVERLOADED,
        message: `${MAX_CALLS} calls wait for the app-server already.`,
      };
    }
    this.#calls += 1;
    try {
      const outcome = await this.#callUntil(performance.now() + timeoutMs, { method, params });
      return outcome as CallOutcome<ClientMethods[M]['result']>;
    } finally {
      this.#calls -= 1;
    }
  }

  notify(method: keyof ClientNotifications): void {
    this.#send({ method });
  }

  onNotification(listener: (notification: ServerNotification) => void): () => void {
    this.#notified.add(listener);
    return () => this.#notified.delete(listener);
  }

  onRequest(listener: (request: ServerRequest) => void): () => void {
    this.#requested.add(listener);
    return () => this.#requested.delete(listener);
  }

  answer<M extends RequestMethod>(
    { id }: { id: string | number; method: M },
    result: ServerRequests[M]['result'],
  ): boolean {
    return this.#send({ id, result });
  }

  close(): void {
    this.#socket.close();
    const timer = setTimeout(() => this.#socket.terminate(), CLOSE_MS);
    void this.closed.then(() => clearTimeout(timer));
  }

  /** Makes one call. Retries within the time limit while the app-server is overloaded. */
  async #callUntil(
    endsAt: number,
    request: { method: string; params: unknown },
  ): Promise<CallOutcome<object>> {
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.#callOnce(request, endsAt - performance.now());
      const isOverloaded = outcome.kind === 'error' && outcome.code === OVERLOADED;
      if (!isOverloaded || attempt === OVERLOAD.attempts) return outcome;
      const waitMs = fullJitter({ attempt, ...OVERLOAD }, Math.random());
      if (performance.now() + waitMs >= endsAt) return outcome;
      await pause(waitMs, this.#ended.signal);
    }
  }

  #callOnce(request: { method: string; params: unknown }, timeoutMs: number): Promise<CallOutcome<object>> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve) => {
      const settle = (outcome: CallOutcome<object>): void => {
        clearTimeout(timer);
        this.#pending.delete(id);
        resolve(outcome);
      };
      const timer = setTimeout(() => settle({ kind: 'timeout' }), Math.max(0, timeoutMs));
      this.#pending.set(id, settle);
      if (!this.#send({ id, ...request })) settle({ kind: 'closed' });
    });
  }

  #receive(text: string, isBinary: boolean): void {
    const frame = readFrame(isBinary ? '' : text);
    if (frame.kind === 'ignored') this.#onIgnored(frame.why);
    else if (frame.kind === 'answer') this.#settle(frame.id, frame.answer);
    else if (frame.kind === 'request') this.#tell(this.#requested, frame.request);
    else this.#tell(this.#notified, frame.notification);
  }

  #settle(id: number, answer: Answer): void {
    const settle = this.#pending.get(id);
    if (settle === undefined) this.#onIgnored('No call waits for this answer.');
    else settle(answer);
  }

  /**
   * Calls the listeners. The fields of a message are unchecked, so a listener may fail. Such a failure must not end the
   * runner.
   */
  #tell<Message>(listeners: ReadonlySet<(message: Message) => void>, message: Message): void {
    for (const listener of listeners) {
      try {
        listener(message);
      } catch (error) {
        this.#onIgnored(`A listener failed: ${String(error)}`);
      }
    }
  }

  #send(message: object): boolean {
    if (this.#socket.readyState !== this.#socket.OPEN) return false;
    // The callback ignores the error of a broken socket, because the close event settles all calls.
    this.#socket.send(JSON.stringify(message), () => undefined);
    return true;
  }

  #end(): void {
    this.#ended.abort();
    for (const settle of [...this.#pending.values()]) settle({ kind: 'closed' });
  }
}
