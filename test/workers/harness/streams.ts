/** Reads the channels of a machine as a client does: event by event, over the real front door of the Worker. */

import { exports } from 'cloudflare:workers';
import type { EventSourceMessage } from 'eventsource-parser';
import { createParser } from 'eventsource-parser';
import type { ChannelEvent } from '../../../spec/transport/events.ts';
import type { Machine } from './machines.ts';
import type { Person } from './people.ts';

const ORIGIN = 'https://orp.test';
const open = new Set<{ close(): Promise<void> | void }>();

/** Ends every channel that a test left open. */
export async function closeChannels(): Promise<void> {
  await Promise.all([...open].map((channel) => channel.close()));
  open.clear();
}

/** One event stream, with everything that came over the wire. */
export class Stream {
  readonly response: Response;
  /** The bytes so far. */
  text = '';
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  /** A read that waits is not ended by a cancel in this runtime. */
  readonly #closed = Promise.withResolvers<{ value: undefined }>();
  readonly #decoder = new TextDecoder();
  readonly #events: EventSourceMessage[] = [];
  readonly #parser = createParser({ onEvent: (event) => void this.#events.push(event) });

  constructor(response: Response) {
    if (response.body === null) throw new Error('an event stream without a body');
    this.response = response;
    this.#reader = response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    open.add(this);
  }

  /** The next piece of bytes; undefined at the end. */
  async piece(): Promise<string | undefined> {
    const { value } = await Promise.race([this.#reader.read(), this.#closed.promise]);
    if (value === undefined) return undefined;
    const text = this.#decoder.decode(value, { stream: true });
    this.text += text;
    this.#parser.feed(text);
    return text;
  }

  /** The next event; undefined when the stream ended without one. */
  async next(): Promise<EventSourceMessage | undefined> {
    while (this.#events.length === 0) if ((await this.piece()) === undefined) return undefined;
    return this.#events.shift();
  }

  /** Names of the events up to the end of the stream. */
  async rest(): Promise<(string | undefined)[]> {
    const names = [];
    for (let event = await this.next(); event !== undefined; event = await this.next())
      names.push(event.event);
    return names;
  }

  async close(): Promise<void> {
    this.#closed.resolve({ value: undefined });
    await this.#reader.cancel().catch(() => undefined);
  }
}

export async function get(
  path: string,
  as?: Person,
  headers: Record<string, string> = {},
): Promise<Response> {
  const bearer: Record<string, string> = as === undefined ? {} : { Authorization: `Bearer ${as.token}` };
  return exports.default.fetch(`${ORIGIN}${path}`, { headers: { ...bearer, ...headers } });
}

export interface StreamQuery {
  waitSeconds?: number;
  persistent?: '1';
  instance?: string;
}

export function streamPath({ machineId }: Pick<Machine, 'machineId'>, query: StreamQuery = {}): string {
  const search = new URLSearchParams({ machineId });
  for (const [name, value] of Object.entries(query)) search.set(name, String(value));
  return `/api/cli/runner/events/stream?${search}`;
}

export async function openStream(machine: Machine, query: StreamQuery = {}): Promise<Stream> {
  return new Stream(await get(streamPath(machine, { waitSeconds: 60, ...query }), machine.owner));
}

/** A stream that stays after `job.available`, past its `ready`. */
export async function listenOverSse(machine: Machine, query: StreamQuery = {}): Promise<Stream> {
  const stream = await openStream(machine, { persistent: '1', ...query });
  const ready = await stream.next();
  if (ready?.event !== 'ready') throw new Error(`the stream began with ${ready?.event}`);
  return stream;
}

/** One WebSocket channel, whose frames wait to be read. */
export class Socket {
  readonly #socket: WebSocket;
  readonly #frames: string[] = [];
  #wake: (() => void) | undefined;
  readonly closed: Promise<{ code: number; reason: string }>;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      this.#frames.push(String(data));
      this.#wake?.();
    });
    this.closed = new Promise((resolve) => {
      socket.addEventListener('close', ({ code, reason }) => resolve({ code, reason }));
    });
    socket.accept();
    open.add(this);
  }

  async frame(): Promise<string> {
    while (this.#frames.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#frames.shift() ?? '';
  }

  async next(): Promise<ChannelEvent> {
    return JSON.parse(await this.frame()) as ChannelEvent;
  }

  /** The next frame that is wanted; other frames are skipped. */
  async nextFrame(isWanted: (frame: Record<string, unknown>) => boolean): Promise<unknown> {
    for (;;) {
      const text = await this.frame();
      const frame = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {};
      if (isWanted(frame)) return frame;
    }
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  /** Names of what this channel was told until now: everything before the answer to a ping. */
  async told(): Promise<string[]> {
    this.send('ping');
    const names: string[] = [];
    for (let frame = await this.frame(); frame !== 'pong'; frame = await this.frame()) {
      names.push((JSON.parse(frame) as ChannelEvent).event);
    }
    return names;
  }

  close(): void {
    try {
      this.#socket.close(1000, 'done');
    } catch {
      // The other end went first.
    }
  }
}

export async function openSocket(machine: Machine, instance?: string): Promise<Socket> {
  const search = new URLSearchParams({ machineId: machine.machineId, ...(instance ? { instance } : {}) });
  const path = `/api/cli/runner/events/ws?${search}`;
  const { status, webSocket } = await get(path, machine.owner, { upgrade: 'websocket' });
  if (webSocket === null) throw new Error(`the upgrade answered ${status}`);
  return new Socket(webSocket);
}

/** A socket past its `ready`. */
export async function listenOverWs(machine: Machine, instance?: string): Promise<Socket> {
  const socket = await openSocket(machine, instance);
  const ready = await socket.next();
  if (ready.event !== 'ready') throw new Error(`the socket began with ${ready.event}`);
  return socket;
}
