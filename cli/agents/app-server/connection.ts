/**
 * One connection to an agent server: JSON-RPC, one message a text frame, in a WebSocket over a unix socket. A failure is a
 * value. What cannot be read is passed over: a server of another version must not end the runner.
 */

import type { WebSocket as Socket } from 'ws';
import { z } from 'zod';
import { clientVersion } from '../../base/version.ts';

export type Reply =
  | { kind: 'ok'; result: unknown }
  /** The server said no. */
  | { kind: 'refused'; code: number; message: string }
  /** The connection ended, or no answer came in time. */
  | { kind: 'lost'; message: string };

export interface Notification {
  method: string;
  params: unknown;
}

export interface Connection {
  call(method: string, params: object, limitMs?: number): Promise<Reply>;
  /** Hears every notification until the returned function is called. */
  listen(handler: (notification: Notification) => void): () => void;
  /** Settles when the connection has ended. */
  closed: Promise<void>;
  close(): void;
}

/** A frame holds at most one item; Codex cuts the output of a command at about 1 MiB. */
const MAX_FRAME_BYTES = 32 * 1024 * 1024;
const CONNECT_LIMIT_MS = 3000;
/** A resumed session with a long history takes some seconds. */
const CALL_LIMIT_MS = 20_000;
/** JSON-RPC code of a server that takes no more requests now. */
const OVERLOADED = -32001;
const OVERLOADED_PAUSES_MS = [50, 200, 800];

const answer = z.object({
  id: z.number(),
  result: z.unknown().optional(),
  error: z.object({ code: z.number().catch(0), message: z.string().catch('') }).optional(),
});
/** With an `id` it is a request of the server, such as an approval. It is left to the clients that show it to a person. */
const message = z.object({ method: z.string(), params: z.unknown().optional() });

/** Connects and introduces itself; undefined when no server answers there. */
export async function connectTo(path: string): Promise<Connection | undefined> {
  // Loaded on demand: most commands drive no agent.
  const { WebSocket } = await import('ws');
  const socket = new WebSocket(`ws+unix:${path}:/`, {
    maxPayload: MAX_FRAME_BYTES,
    handshakeTimeout: CONNECT_LIMIT_MS,
    perMessageDeflate: false,
  });
  const isOpen = await new Promise<boolean>((settle) => {
    socket.once('open', () => settle(true));
    socket.once('close', () => settle(false));
    socket.on('error', () => settle(false));
  });
  if (!isOpen) return undefined;
  const connection = new SocketConnection(socket);
  const hello = await connection.call('initialize', {
    clientInfo: { name: 'orp', title: 'ORP Runner', version: clientVersion(process.env) },
    capabilities: { experimentalApi: true, requestAttestation: false },
  });
  if (hello.kind !== 'ok') {
    connection.close();
    return undefined;
  }
  connection.notify('initialized');
  return connection;
}

class SocketConnection implements Connection {
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #pending = new Map<number, (reply: Reply) => void>();
  readonly #listeners = new Set<(notification: Notification) => void>();
  #lastId = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.closed = new Promise((settle) => {
      socket.on('close', () => {
        for (const end of this.#pending.values()) end({ kind: 'lost', message: 'the agent server ended' });
        this.#pending.clear();
        settle();
      });
    });
    socket.on('message', (data) => this.#read(String(data)));
  }

  async call(method: string, params: object, limitMs = CALL_LIMIT_MS): Promise<Reply> {
    for (const pauseMs of OVERLOADED_PAUSES_MS) {
      const reply = await this.#callOnce(method, params, limitMs);
      if (reply.kind !== 'refused' || reply.code !== OVERLOADED) return reply;
      await new Promise((wake) => setTimeout(wake, pauseMs * (0.5 + Math.random())));
    }
    return this.#callOnce(method, params, limitMs);
  }

  notify(method: string): void {
    this.#send({ method });
  }

  listen(handler: (notification: Notification) => void): () => void {
    this.#listeners.add(handler);
    return () => this.#listeners.delete(handler);
  }

  close(): void {
    this.#socket.close();
    // A server that does not answer the close must not keep the process.
    setTimeout(() => this.#socket.terminate(), 500).unref();
  }

  #callOnce(method: string, params: object, limitMs: number): Promise<Reply> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((settle) => {
      const end = (reply: Reply) => {
        clearTimeout(timer);
        this.#pending.delete(id);
        settle(reply);
      };
      const timer = setTimeout(
        () => end({ kind: 'lost', message: `the agent server did not answer ${method} in time` }),
        limitMs,
      );
      this.#pending.set(id, end);
      if (!this.#send({ id, method, params })) end({ kind: 'lost', message: 'the agent server ended' });
    });
  }

  #send(body: object): boolean {
    if (this.#socket.readyState !== this.#socket.OPEN) return false;
    this.#socket.send(JSON.stringify(body));
    return true;
  }

  #read(text: string): void {
    const body = readJson(text);
    const told = message.safeParse(body).data;
    if (told !== undefined) {
      for (const hear of this.#listeners) hear({ method: told.method, params: told.params });
      return;
    }
    const reply = answer.safeParse(body).data;
    if (reply === undefined) return;
    const { error } = reply;
    this.#pending.get(reply.id)?.(
      error === undefined ? { kind: 'ok', result: reply.result } : { kind: 'refused', ...error },
    );
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
