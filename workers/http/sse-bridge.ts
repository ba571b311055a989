/**
 * Server-sent events. The Worker serves the stream and gets the events over a hibernatable WebSocket from the machine's
 * object. The object does not stream itself, because then it would be billed all the time. A stream consists of one socket
 * and two timers in this Worker. When one side ends, the other side is closed.
 */

import {
  type ChannelEvent,
  CLOSE_CODES,
  KEEP_ALIVE_FRAME,
  KEEP_ALIVE_MS,
  OPENING_FRAME,
  sseFrame,
  TERMINAL_EVENTS,
} from '../../spec/transport/events.ts';
import { platform } from '../base/platform.ts';

/** Why a stream ends although the object has sent no final event. */
export type Farewell = 'timeout' | 'reconnect';

export interface BridgeOptions {
  /** The Worker's end of the socket to the object, not yet accepted. */
  socket: WebSocket;
  /** After this time, the stream ends with `timeout`. */
  waitMs: number;
  /** Frames to send before any event. */
  preamble?: string;
  /** If true, the stream ends after its preamble, because no event will follow. */
  endsAtOnce?: boolean;
  /** Converts one message of the object into frames. `end`: close the stream after these frames. */
  translate(message: string): { frames: string; end: boolean };
  /** The bridge calls this at every keep-alive. Returns whether the reader may continue. */
  isAllowed?(): Promise<boolean>;
  /** Returns the last frames of a stream that reached its time limit or whose object is gone. */
  farewell(reason: Farewell): string;
}

/** Bytes that may wait for a reader before the stream is closed. All streams of an isolate share its 128 MB. */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024;

/** Returns a stream that ends at its time limit, after its last event, or when either side closes. */
export function bridge(options: BridgeOptions): Response {
  let stream: Bridge | undefined;
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        stream = new Bridge(options, controller);
      },
      cancel() {
        stream?.letGo(CLOSE_CODES.gone);
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: MAX_UNREAD_BYTES }),
  );
  return new Response(body, {
    headers: {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store, no-transform',
      'X-Accel-Buffering': 'no',
    },
  });
}

class Bridge {
  readonly #options: BridgeOptions;
  readonly #controller: ReadableStreamDefaultController<Uint8Array>;
  readonly #encoder = new TextEncoder();
  readonly #keepAlive: ReturnType<typeof setInterval>;
  readonly #deadline: ReturnType<typeof setTimeout>;
  #open = true;

  constructor(options: BridgeOptions, controller: ReadableStreamDefaultController<Uint8Array>) {
    this.#options = options;
    this.#controller = controller;
    this.#keepAlive = setInterval(() => this.#stayAlive(), KEEP_ALIVE_MS);
    this.#deadline = setTimeout(() => this.#finish(options.farewell('timeout')), options.waitMs);
    this.#listen(options.socket);
    this.#write(OPENING_FRAME + (options.preamble ?? ''));
    options.socket.accept();
    if (options.endsAtOnce) this.#finish(options.farewell('reconnect'));
  }

  /** Ends the timers and closes the socket, because the client is gone or the stream is complete. */
  letGo(code: number = CLOSE_CODES.timeout): void {
    this.#open = false;
    clearInterval(this.#keepAlive);
    clearTimeout(this.#deadline);
    try {
      this.#options.socket.close(code, 'stream ended');
    } catch {
      // The object has already closed the socket.
    }
  }

  #stayAlive(): void {
    this.#write(KEEP_ALIVE_FRAME);
    // An outage of D1 does not end a stream that was allowed before. The next keep-alive checks again.
    const answer = this.#options.isAllowed?.().catch(() => true);
    void answer?.then((isAllowed) => {
      if (!isAllowed) this.#finish(this.#options.farewell('reconnect'));
    });
  }

  #listen(socket: WebSocket): void {
    socket.addEventListener('message', (event) => {
      const { frames, end } = this.#options.translate(String(event.data));
      if (end) this.#finish(frames);
      else this.#write(frames);
    });
    socket.addEventListener('close', () => this.#finish(this.#options.farewell('reconnect')));
    socket.addEventListener('error', () => this.#finish(this.#options.farewell('reconnect')));
  }

  #write(frames: string): void {
    if (!this.#open) return;
    // Check this before a frame is added, so that a single large frame, such as the first page of a long transcript, is
    // still sent.
    if ((this.#controller.desiredSize ?? 0) <= 0) {
      this.letGo(CLOSE_CODES.gone);
      this.#controller.error(new Error('the client stopped reading'));
      return;
    }
    this.#controller.enqueue(this.#encoder.encode(frames));
  }

  #finish(frames: string): void {
    if (!this.#open) return;
    this.#write(frames);
    if (!this.#open) return;
    this.letGo();
    this.#controller.close();
  }
}

/** The SSE frames of a runner's channel: the numbered events of the object, up to the event that ends the stream. */
export class EventFrames {
  readonly #stream: { persistent: boolean; startedAt: number };
  #id = 0;

  constructor(stream: { persistent: boolean; startedAt: number }) {
    this.#stream = stream;
  }

  /** Passes an event on to the reader. A v0.4.4 client expects one event per stream, so the first terminal event ends its stream. */
  translate(message: string): { frames: string; end: boolean } {
    const event = JSON.parse(message) as ChannelEvent;
    const goesOn = this.#stream.persistent && event.event === 'job.available';
    return TERMINAL_EVENTS.has(event.event) && !goesOn
      ? { frames: this.#last(event), end: true }
      : { frames: this.#numbered(event), end: false };
  }

  /**
   * Returns the last frames if the stream reached its time limit or its object is gone. The client then opens the next
   * stream.
   */
  farewell(reason: Farewell): string {
    return this.#last({ event: 'timeout', data: { ok: true, jobAvailable: false, reason } });
  }

  #last(event: ChannelEvent): string {
    const waitedMs = platform.now() - this.#stream.startedAt;
    return this.#numbered({ ...event, data: { ...event.data, waitedMs } });
  }

  #numbered(event: ChannelEvent): string {
    this.#id += 1;
    return sseFrame({ ...event, id: this.#id });
  }
}
