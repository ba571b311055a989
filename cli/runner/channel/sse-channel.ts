/** Listens over server-sent events. The stream stays open after `job.available`, so that cancels reach a working runner. */

import { createParser } from 'eventsource-parser';
import { streamEvents } from '../../../spec/contract/events.ts';
import { channelEvent, MAX_WAIT_SECONDS } from '../../../spec/transport/events.ts';
import type { Channel, ChannelEnd, ChannelHandlers, ChannelTarget } from './channel.ts';
import { endForErrorEvent } from './channel.ts';
import { endForRefusal } from './refusal.ts';
import { SilenceWatch } from './silence.ts';

const { path: STREAM_PATH } = streamEvents;

/** Opens one stream of at most 15 minutes. */
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
  try {
    const response = await fetch(streamUrl(target), {
      headers: { ...target.headers, Accept: 'text/event-stream', 'Cache-Control': 'no-cache' },
      redirect: 'manual',
      signal: abort.signal,
    });
    watch.heard();
    if (response.status !== 200 || response.body === null) return await endForRefusal(response, STREAM_PATH);
    if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
      await response.body.cancel();
      return { kind: 'refused', message: 'the event stream answered something that is not an event stream' };
    }
    return await readEvents(response.body, { target, handlers, watch });
  } catch (error) {
    return { kind: 'broken', message: reasonOf(error) };
  } finally {
    watch.stop();
  }
}

async function readEvents(
  body: ReadableStream<Uint8Array>,
  { target, handlers, watch }: { target: ChannelTarget; handlers: ChannelHandlers; watch: SilenceWatch },
): Promise<ChannelEnd> {
  let end: ChannelEnd | undefined;
  const parser = createParser({
    onEvent: (message) => {
      const event = readEvent(message.event, message.data);
      if (event === undefined) return;
      if (event.event === 'timeout') end = endForTimeout(event.data);
      if (event.event === 'error') end = endForErrorEvent(event.data, target);
      handlers.onEvent(event);
    },
  });
  const decoder = new TextDecoder();
  for await (const bytes of body) {
    watch.heard();
    parser.feed(decoder.decode(bytes, { stream: true }));
    if (end !== undefined) return end;
  }
  return { kind: 'broken', message: 'the event stream ended without a last word' };
}

/** `reconnect`: the service was restarted, for everybody at once, so the next stream waits its random pause. */
function endForTimeout({ reason }: Readonly<Record<string, unknown>>): ChannelEnd {
  if (reason !== 'reconnect') return { kind: 'finished' };
  return { kind: 'broken', message: 'the service asks to connect again' };
}

/** Unknown names and unreadable data are ignored: a newer service may say more than we know. */
function readEvent(name: string | undefined, data: string) {
  try {
    return channelEvent.safeParse({ event: name, data: JSON.parse(data) }).data;
  } catch {
    // Data that is not JSON: not from this protocol.
    return undefined;
  }
}

function streamUrl(target: ChannelTarget): string {
  const query = new URLSearchParams({
    machineId: target.machineId,
    waitSeconds: String(MAX_WAIT_SECONDS),
    instance: target.instance,
    persistent: '1',
  });
  return `${target.baseUrl}${STREAM_PATH}?${query}`;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
