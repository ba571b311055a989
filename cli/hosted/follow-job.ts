/**
 * Follows one job live over server-sent events: its transcript as it grows, and where it stands. A stream that ends is
 * taken up again behind the last entry, so nothing is shown twice and nothing is missed.
 */

import { createParser, type EventSourceMessage, type ParseError } from 'eventsource-parser';
import { z } from 'zod';
import { followJob as followRow } from '../../spec/contract/events.ts';
import { transcriptEntry } from '../../spec/contract/jobs.ts';
import { JOB_STATUSES, type JobStatus } from '../../spec/job/status.ts';
import { fullJitter } from '../base/pause.ts';
import { SilenceWatch } from '../base/silence.ts';
import { MAX_EVENT_CHARACTERS, readRefusalText } from '../client/bounded-body.ts';
import { requireOffer } from '../client/call.ts';
import type { Client } from '../client/client.ts';
import { isOutage } from '../client/retry.ts';
import { ServerError, unreachable } from '../client/server-error.ts';
import { isEventStream, streamFailure } from '../client/stream-failure.ts';
import { ReceiptWatch } from './stop-receipt.ts';

export type FollowEvent =
  | { kind: 'entry'; entry: z.output<typeof transcriptEntry> }
  | { kind: 'status'; status: JobStatus }
  /** The job has ended, and everything was told. */
  | { kind: 'end'; status: JobStatus };

const standing = z.object({ status: z.enum(JOB_STATUSES) });

/** 1 s doubling to 30 s: a person is watching. */
const RECONNECT = { firstMs: 1000, limitMs: 30_000 };

export interface FollowOptions {
  /** Ends it, also between two streams. */
  signal?: AbortSignal | undefined;
  /** A stream could not be opened, or broke: it is opened again. Called each time, with a sentence. */
  onOutage?(message: string): void;
}

/**
 * Yields what happens until the job has ended. An outage ends nothing, however long it takes; only the server's own refusal
 * does, and the signal.
 */
export async function* followJob(
  client: Client,
  jobId: string,
  { signal, onOutage }: FollowOptions = {},
): AsyncGenerator<FollowEvent> {
  let cursor: string | undefined;
  let status: JobStatus | undefined;
  let failures = 0;
  const receipt = new ReceiptWatch({ client, jobId, signal });
  for (;;) {
    const before = `${cursor} ${status}`;
    let isRegular = false;
    let isOwed = false;
    try {
      for await (const message of readStream(await openStream(client, { jobId, cursor, signal }))) {
        cursor = message.id ?? cursor;
        const event = readEvent(message);
        if (event?.kind === 'entry') receipt.see(event.entry);
        // The agent ends after its job was cancelled: what its machine says of that is the end of the story.
        isOwed = event?.kind === 'end' && event.status === 'cancelled' && (await receipt.isOwed());
        if (isOwed) break;
        if (event !== undefined) yield event;
        if (event?.kind === 'end') return;
        if (event?.kind === 'status') status = event.status;
        isRegular = message.event === 'timeout' && hasReachedItsTime(message.data);
      }
    } catch (error) {
      if (!(error instanceof ServerError) || !mayPass(error)) throw error;
      signal?.throwIfAborted();
      onOutage?.(error.message);
    }
    // Each move of the job, and each page of a long story, is a stream of its own; one that brought nothing new is none.
    const broughtNothing = !isOwed && before === `${cursor} ${status}`;
    // A stream that reached its time is no failure; only ending again and again is.
    failures = broughtNothing ? (isRegular ? 1 : failures + 1) : 0;
    if (failures > 0) {
      await client.sleep(fullJitter({ attempt: failures, ...RECONNECT }, client.random()), signal);
    }
  }
}

/** Too many open streams count as passing, too: the one that just broke may be one of them. */
function mayPass(error: ServerError): boolean {
  return isOutage(error) || error.code === 'limit_reached';
}

interface Position {
  jobId: string;
  cursor: string | undefined;
  signal: AbortSignal | undefined;
}

async function openStream(client: Client, { jobId, cursor, signal }: Position): Promise<Response> {
  if (followRow.capability !== undefined) await requireOffer(client, followRow.capability, signal);
  const path = followRow.path.replace(':jobId', encodeURIComponent(jobId));
  const { baseUrl } = client;
  const headers: Record<string, string> = {
    ...client.headers,
    Accept: 'text/event-stream',
    Authorization: `Bearer ${client.token}`,
    ...(cursor === undefined ? {} : { 'Last-Event-ID': cursor }),
  };
  let response: Response;
  let text = '';
  try {
    response = await fetch(`${baseUrl}${path}`, { headers, redirect: 'manual', signal: signal ?? null });
    if (isEventStream(response)) return response;
    text = await readRefusalText(response);
  } catch (error) {
    signal?.throwIfAborted();
    throw unreachable({ origin: new URL(baseUrl).origin, path }, error);
  }
  throw streamFailure({ status: response.status, headers: response.headers, text }, path);
}

/** Lines that are no fields are ignored, as the standard has it. */
function throwIfTooLarge(error: ParseError): void {
  if (error.type === 'max-buffer-size-exceeded') throw error;
}

async function* readStream(response: Response): AsyncGenerator<EventSourceMessage> {
  const messages: EventSourceMessage[] = [];
  const parser = createParser({
    onEvent: (message) => void messages.push(message),
    maxBufferSize: MAX_EVENT_CHARACTERS,
    onError: throwIfTooLarge,
  });
  const decoder = new TextDecoder();
  const silence = new AbortController();
  const watch = new SilenceWatch(() => silence.abort());
  const reader = response.body?.getReader();
  silence.signal.addEventListener('abort', () => void reader?.cancel().catch(() => undefined), {
    once: true,
  });
  try {
    for (;;) {
      const piece = await reader?.read();
      if (piece?.value === undefined) return;
      watch.heard();
      parser.feed(decoder.decode(piece.value, { stream: true }));
      yield* messages.splice(0);
    }
  } catch (error) {
    const { origin, pathname: path } = new URL(response.url);
    throw unreachable({ origin, path }, error);
  } finally {
    watch.stop();
    await reader?.cancel().catch(() => undefined);
  }
}

/** Names that are not known are passed over: a newer service may say more. */
function readEvent({ event, data }: EventSourceMessage): FollowEvent | undefined {
  const value = parse(data);
  if (event === 'entry') {
    const entry = transcriptEntry.safeParse(value).data;
    return entry && { kind: 'entry', entry };
  }
  if (event !== 'status' && event !== 'end') return undefined;
  const status = standing.safeParse(value).data?.status;
  return status && { kind: event, status };
}

function hasReachedItsTime(data: string): boolean {
  return z.object({ reason: z.literal('timeout') }).safeParse(parse(data)).success;
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    // Not JSON: not from this protocol.
    return undefined;
  }
}
