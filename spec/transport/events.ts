/**
 * The events of a channel. Both push transports use them: JSON text frames on a WebSocket, named events on SSE. An
 * event is a hint to poll, never a delivery: the claim always goes through the poll route.
 */

import * as z from 'zod/mini';

const EVENT_NAMES = [
  /** The channel is open. Jobs that became claimable before are announced, too. */
  'ready',
  /** Something may be claimable: poll now. */
  'job.available',
  /** A job of this machine was cancelled: stop its agent. */
  'job.cancelled',
  /** A lease of this machine was revoked: stop its agent. */
  'lease.lost',
  /** Finish running jobs and stop claiming. */
  'drain',
  /** The stream reached its time limit. Open the next stream. */
  'timeout',
  /** The stream cannot continue. `error` has the reason. */
  'error',
] as const;
export type EventName = (typeof EVENT_NAMES)[number];

/** Events that end a stream of the v0.4.4 client. */
export const TERMINAL_EVENTS: ReadonlySet<EventName> = new Set(['job.available', 'timeout', 'error']);

/** One event on a channel. `data` is always an object, because a v0.4.4 client ignores events without data. */
export const channelEvent = z.object({
  event: z.enum(EVENT_NAMES),
  /** The number of the event. It grows within one channel. */
  id: z.optional(z.int()),
  data: z.record(z.string(), z.unknown()),
});
export type ChannelEvent = z.infer<typeof channelEvent>;

/** The maximum size of one event with its name. A runner closes a channel that sends a larger event. */
export const MAX_EVENT_BYTES = 64 * 1024;

/**
 * The pause between keep-alives. Proxies close an idle connection after a minute or more; v0.4.4 waits `waitSeconds + 15` s.
 */
export const KEEP_ALIVE_MS = 15_000;

/** A channel counts as dead after 2.5 keep-alives without data. */
export const DEAD_AFTER_MS = 2.5 * KEEP_ALIVE_MS;

/** Sent once per stream, for clients that reconnect automatically. */
const RETRY_MS = 2000;

export const MIN_WAIT_SECONDS = 1;
export const MAX_WAIT_SECONDS = 900;
export const DEFAULT_WAIT_SECONDS = 30;

/** The message that a runner sends on a WebSocket. The runtime answers it without waking the object. */
export const PING = 'ping';
export const PONG = 'pong';

/** Why the server closes a channel (WebSocket close codes of the private range). */
export const CLOSE_CODES = {
  /**
   * Another instance of the same machine connected: this one stops claiming. The last word of the reason is the id of
   * that instance.
   */
  replaced: 4001,
  /** The token was revoked, or the machine belongs to another account now. */
  unauthorized: 4003,
  /** The stream reached its time limit, or its client was silent for too long. The client opens the next stream at once. */
  timeout: 4008,
  /** Used between Worker and object: the reader of the stream is gone. */
  gone: 4009,
} as const;

/** Returns one SSE frame. The data is one line of JSON, so no value can break the frame. */
export function sseFrame(event: ChannelEvent): string {
  const id = event.id === undefined ? '' : `id: ${event.id}\n`;
  return `event: ${event.event}\n${id}data: ${JSON.stringify(event.data)}\n\n`;
}

/** A comment frame, which keeps the connection open. Clients ignore it. */
export const KEEP_ALIVE_FRAME = ': keep-alive\n\n';

/** The first bytes of every stream, because proxies forward the headers only after the first byte of the body. */
export const OPENING_FRAME = `retry: ${RETRY_MS}\n: open\n\n`;
