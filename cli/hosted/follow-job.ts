/**
 * Follows one job over server-sent events: its transcript and its status. After a break, it resumes after the last entry, so
 * no entry is repeated or lost.
 */

import { createParser, type EventSourceMessage, type ParseError } from 'eventsource-parser';
import * as z from 'zod/mini';
import { followJob as followRow } from '../../spec/contract/events.ts';
import { transcriptEntry } from '../../spec/contract/jobs.ts';
import { JOB_STATUSES, type JobStatus } from '../../spec/job/status.ts';
import { fullJitter } from '../base/pause.ts';
import { SilenceWatch } from '../base/silence.ts';
import { MAX_EVENT_CHARACTERS, readRefusalText } from '../client/bounded-body.ts';
import { requireOffer } from '../client/call.ts';
import type { Client } from '../client/client.ts';
import { type HttpAnswer, request } from '../client/http.ts';
import { isOutage } from '../client/retry.ts';
import { ServerError, unreachable } from '../client/server-error.ts';
import { isEventStream, streamFailure } from '../client/stream-failure.ts';
import { ReceiptWatch } from './stop-receipt.ts';

export type FollowEvent =
  | { kind: 'entry'; entry: z.output<typeof transcriptEntry> }
  | { kind: 'status'; status: JobStatus }
  /** The job has ended, and all its entries were delivered. */
  | { kind: 'end'; status: JobStatus };

const standing = z.object({ status: z.enum(JOB_STATUSES) });

/** 1 s, doubling to 30 s, because a person is watching. */
const RECONNECT = { firstMs: 1000, limitMs: 30_000 };

export interface FollowOptions {
  /** Stops following, also between two streams. */
  signal?: AbortSignal | undefined;
  /** Called with a sentence each time a stream breaks or cannot be opened, before the retry. */
  onOutage?(message: string): void;
}

/**
 * Yields events until the job ends. Only a refusal by the server or the signal stops it earlier; outages of any length do not.
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
        // A cancelled job ends before its agent does. The machine's receipt is the last entry.
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
    // The server ends a stream after each status change and each page. A stream without news is a failure.
    const broughtNothing = !isOwed && before === `${cursor} ${status}`;
    // A stream that reached its time limit is not a failure. Repeated early ends are.
    failures = broughtNothing ? (isRegular ? 1 : failures + 1) : 0;
    if (failures > 0) {
      await client.sleep(fullJitter({ attempt: failures, ...RECONNECT }, client.random()), signal);
    }
  }
}

/** The refusal "too many open streams" is also temporary, because the server may still count the broken stream. */
function mayPass(error: ServerError): boolean {
  return isOutage(error) || error.code === 'limit_reached';
}

interface Position {
  jobId: string;
  cursor: string | undefined;
  signal: AbortSignal | undefined;
}

interface Stream {
  answer: HttpAnswer;
  /** The source of the stream, for error messages. */
  place: { origin: string; path: string };
}

async function openStream(client: Client, { jobId, cursor, signal }: Position): Promise<Stream> {
  if (followRow.capability !== undefined) await requireOffer(client, followRow.capability, signal);
  const path = followRow.path.replace(':jobId', encodeURIComponent(jobId));
  const { baseUrl } = client;
  const place = { origin: new URL(baseUrl).origin, path };
  const headers: Record<string, string> = {
    ...client.headers,
    Accept: 'text/event-stream',
    Authorization: `Bearer ${client.token}`,
    ...(cursor === undefined ? {} : { 'Last-Event-ID': cursor }),
  };
  let answer: HttpAnswer;
  let text = '';
  try {
    answer = await request(`${baseUrl}${path}`, { headers, signal });
    if (isEventStream(answer)) return { answer, place };
    text = await readRefusalText(answer);
  } catch (error) {
    signal?.throwIfAborted();
    throw unreachable(place, error);
  }
  throw streamFailure({ status: answer.status, headers: answer.headers, text }, path);
}

/** Ignores lines that are not fields, as the SSE standard requires. */
function throwIfTooLarge(error: ParseError): void {
  if (error.type === 'max-buffer-size-exceeded') throw error;
}

async function* readStream({ answer, place }: Stream): AsyncGenerator<EventSourceMessage> {
  const messages: EventSourceMessage[] = [];
  const parser = createParser({
    onEvent: (message) => void messages.push(message),
    maxBufferSize: MAX_EVENT_CHARACTERS,
    onError: throwIfTooLarge,
  });
  const decoder = new TextDecoder();
  let isSilent = false;
  const watch = new SilenceWatch(() => {
    isSilent = true;
    answer.close();
  });
  try {
    for await (const bytes of answer.body) {
      watch.heard();
      parser.feed(decoder.decode(bytes, { stream: true }));
      yield* messages.splice(0);
    }
  } catch (error) {
    // A silent stream has ended.
    if (!isSilent) throw unreachable(place, error);
  } finally {
    watch.stop();
  }
}

/** Ignores unknown events, which a newer server may send. */
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
    // The line is not JSON, so it is not an event of this protocol.
    return undefined;
  }
}
