/**
 * Listens over server-sent events. The stream stays open after `job.available`, so that cancels reach a runner that
 * works.
 */

import { createParser } from 'eventsource-parser';
import { streamEvents } from '../../../spec/contract/events.ts';
import {
  type ChannelEvent,
  channelEvent,
  MAX_EVENT_BYTES,
  MAX_WAIT_SECONDS,
  TERMINAL_EVENTS,
} from '../../../spec/transport/events.ts';
import { SilenceWatch } from '../../base/silence.ts';
import { request } from '../../client/http.ts';
import { isEventStream } from '../../client/stream-failure.ts';
import type { Channel, ChannelEnd, ChannelHandlers, ChannelTarget } from './channel.ts';
import { endForErrorEvent } from './channel.ts';
import { endForRefusal } from './refusal.ts';

const { path: STREAM_PATH } = streamEvents;

/** Opens one stream. It lasts at most 15 minutes. A v0.4.4 server ends it after the first event or `waitSeconds`. */
export function openSseChannel(target: ChannelTarget, handlers: ChannelHandlers): Channel {
  const abort = new AbortController();
  return {
    transport: 'sse',
    ended: listen(target, handlers, abort),
    close: () => abort.abort(new Error('closed')),
  };
}

async function listen(
  target: ChannelTarget,
  handlers: ChannelHandlers,
  abort: AbortController,
): Promise<ChannelEnd> {
  const watch = new SilenceWatch(() => abort.abort(new Error('the link went silent')));
  const isPersistent = target.server.offers('events-persistent');
  try {
    const response = await request(streamUrl(target, isPersistent), {
      headers: { ...target.headers, Accept: 'text/event-stream', 'Cache-Control': 'no-cache' },
      signal: abort.signal,
    });
    watch.heard();
    if (!isEventStream(response)) return await endForRefusal(response, STREAM_PATH);
    return await readEvents(response.body, { target, handlers, watch, isPersistent });
  } catch (error) {
    return { kind: 'broken', message: reasonOf(error) };
  } finally {
    watch.stop();
  }
}

interface Reading {
  target: ChannelTarget;
  handlers: ChannelHandlers;
  watch: SilenceWatch;
  /** True if the stream stays open after it has announced work. */
  isPersistent: boolean;
}

async function readEvents(
  body: AsyncIterable<Uint8Array>,
  { target, handlers, watch, isPersistent }: Reading,
): Promise<ChannelEnd> {
  let end: ChannelEnd | undefined;
  const parser = createParser({
    maxBufferSize: MAX_EVENT_BYTES,
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded')
        end ??= { kind: 'broken', message: 'an event is too large' };
    },
    onEvent: (message) => {
      const event = readEvent(message.event, message.data);
      if (event === undefined) return;
      end ??= endFor(event, { target, isPersistent });
      handlers.onEvent(event);
    },
  });
  const decoder = new TextDecoder();
  for await (const bytes of body) {
    watch.heard();
    parser.feed(decoder.decode(bytes, { stream: true }));
    if (end !== undefined) return end;
  }
  return { kind: 'broken', message: 'the event stream ended without a final event' };
}

/** Returns why the event ends the stream, or undefined if the stream continues. */
function endFor(
  { event, data }: ChannelEvent,
  { target, isPersistent }: Pick<Reading, 'target' | 'isPersistent'>,
): ChannelEnd | undefined {
  if (event === 'error') return endForErrorEvent(data, target);
  // A v0.4.4 server ends its stream after one of these events and expects a new request.
  if (!isPersistent) return TERMINAL_EVENTS.has(event) ? { kind: 'finished', last: event } : undefined;
  if (event !== 'timeout') return undefined;
  if (data.reason !== 'reconnect') return { kind: 'finished' };
  // The server restarted for all runners at once, so wait for the random pause before the next stream.
  return { kind: 'broken', message: 'the server asked the runner to reconnect' };
}

/** Unknown names and unreadable data are ignored: a newer server may send more. */
function readEvent(name: string | undefined, data: string) {
  try {
    return channelEvent.safeParse({ event: name, data: JSON.parse(data) }).data;
  } catch {
    // The data is not JSON, so it is not from this protocol.
    return undefined;
  }
}

function streamUrl(
  { baseUrl, machineId, instance, waitSeconds }: ChannelTarget,
  isPersistent: boolean,
): string {
  const query: Record<string, string> = isPersistent
    ? { machineId, waitSeconds: String(MAX_WAIT_SECONDS), instance, persistent: '1' }
    : { machineId, waitSeconds: String(Math.min(MAX_WAIT_SECONDS, Math.max(1, Math.round(waitSeconds)))) };
  return `${baseUrl}${STREAM_PATH}?${new URLSearchParams(query)}`;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
