/**
 * Server-sent events, held by the Worker and fed by a hibernatable WebSocket to the machine's object. The object never
 * streams itself: it would be billed around the clock. A stream is one `open` socket plus two timers in this Worker;
 * when either side goes, the other is let go.
 */

import type { ChannelEvent } from '../../spec/transport/events.ts';
import {
  CLOSE_CODES,
  KEEP_ALIVE_FRAME,
  KEEP_ALIVE_MS,
  OPENING_FRAME,
  sseFrame,
} from '../../spec/transport/events.ts';

export interface Bridge {
  /** The Worker's end of the socket to the object, not yet accepted. */
  socket: WebSocket;
  /** After this long the stream ends with `timeout`. */
  waitMs: number;
  /** Frames to send before any event. */
  preamble?: string;
  /** Turns one message of the object into frames; `end` closes the stream after them. */
  translate(message: string): { frames: string; end: boolean };
  /** The last frames of a stream that reached its time, or whose object went away. */
  farewell(reason: 'timeout' | 'reconnect' | 'replaced'): string;
}

/** How many unread frames make a client dead: it has not read for many keep-alives. */
const MAX_UNREAD_FRAMES = 256;

/** Answers a stream that lives until its time, its terminal event, or the end of either side. */
export function bridge(options: Bridge): Response {
  const { socket, waitMs } = options;
  const encoder = new TextEncoder();
  let finish: (frames: string) => void = () => {
    // Set when the stream starts.
  };
  let letGo: () => void = () => {
    // Set when the stream starts.
  };

  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        let open = true;
        const write = (frames: string) => {
          if (!open) return;
          if ((controller.desiredSize ?? 0) < -MAX_UNREAD_FRAMES) return letGo();
          controller.enqueue(encoder.encode(frames));
        };
        const keepAlive = setInterval(() => write(KEEP_ALIVE_FRAME), KEEP_ALIVE_MS);
        const deadline = setTimeout(() => finish(options.farewell('timeout')), waitMs);

        letGo = () => {
          open = false;
          clearInterval(keepAlive);
          clearTimeout(deadline);
          closeBridge(socket);
        };
        finish = (frames) => {
          if (!open) return;
          write(frames);
          letGo();
          controller.close();
        };

        socket.addEventListener('message', (event) => {
          const { frames, end } = options.translate(String(event.data));
          if (end) finish(frames);
          else write(frames);
        });
        socket.addEventListener('close', (event) => {
          finish(options.farewell(event.code === CLOSE_CODES.replaced ? 'replaced' : 'reconnect'));
        });
        socket.addEventListener('error', () => finish(options.farewell('reconnect')));

        write(OPENING_FRAME + (options.preamble ?? ''));
        socket.accept();
      },
      cancel() {
        letGo();
      },
    },
    { highWaterMark: 1 },
  );

  return new Response(body, {
    headers: {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store, no-transform',
      'X-Accel-Buffering': 'no',
    },
  });
}

/** The frames of one channel event, and whether it ends a stream of the v0.4.4 kind. */
export function eventFrames(message: string): { event: ChannelEvent; frames: string } {
  const event = JSON.parse(message) as ChannelEvent;
  return { event, frames: sseFrame(event) };
}

function closeBridge(socket: WebSocket): void {
  try {
    socket.close(CLOSE_CODES.timeout, 'stream ended');
  } catch {
    // The object went first.
  }
}
