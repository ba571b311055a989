/**
 * Follows one job live over server-sent events: its transcript as it grows, and where it stands. A stream that ends is
 * taken up again behind the last entry, so nothing is shown twice and nothing is missed.
 */

import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { z } from 'zod';
import { followJob as followRow } from '../../spec/contract/events.ts';
import { transcriptEntry } from '../../spec/contract/jobs.ts';
import { JOB_STATUSES, type JobStatus } from '../../spec/job/status.ts';
import { fullJitter } from '../runner/channel/jitter.ts';
import { SilenceWatch } from '../runner/channel/silence.ts';
import type { Client } from './client.ts';
import { isWorthRepeating } from './retry.ts';
import { refusal, ServiceError, unreachable } from './service-error.ts';

export type FollowEvent =
  | { kind: 'entry'; entry: z.output<typeof transcriptEntry> }
  | { kind: 'status'; status: JobStatus }
  /** The job has ended, and everything was told. */
  | { kind: 'end'; status: JobStatus };

const standing = z.object({ status: z.enum(JOB_STATUSES) });

/** 1 s doubling to 30 s: a person is watching. */
const RECONNECT = { firstMs: 1000, limitMs: 30_000 };

/** Yields what happens until the job has ended. Only the very first try may fail with an error of the network. */
export async function* followJob(client: Client, jobId: string): AsyncGenerator<FollowEvent> {
  let cursor: string | undefined;
  let status: JobStatus | undefined;
  let failures = 0;
  for (let isFirst = true; ; isFirst = false) {
    const before = `${cursor} ${status}`;
    let isRegular = false;
    try {
      for await (const message of readStream(await openStream(client, jobId, cursor))) {
        cursor = message.id ?? cursor;
        const event = readEvent(message);
        if (event !== undefined) yield event;
        if (event?.kind === 'end') return;
        if (event?.kind === 'status') status = event.status;
        isRegular = message.event === 'timeout' && hasReachedItsTime(message.data);
      }
    } catch (error) {
      if (!(error instanceof ServiceError) || isFirst || !isWorthRepeating(error)) throw error;
    }
    // Each move of the job, and each page of a long story, is a stream of its own; one that brought nothing new is none.
    const broughtNothing = before === `${cursor} ${status}`;
    // A stream that reached its time is no failure; only ending again and again is.
    failures = broughtNothing ? (isRegular ? 1 : failures + 1) : 0;
    if (failures > 0) await client.sleep(fullJitter({ attempt: failures, ...RECONNECT }, client.random()));
  }
}

async function openStream(client: Client, jobId: string, cursor: string | undefined): Promise<Response> {
  const path = followRow.path.replace(':jobId', encodeURIComponent(jobId));
  const headers: Record<string, string> = {
    ...client.headers,
    Accept: 'text/event-stream',
    Authorization: `Bearer ${client.token}`,
    ...(cursor === undefined ? {} : { 'Last-Event-ID': cursor }),
  };
  const { baseUrl } = client;
  const response = await fetch(`${baseUrl}${path}`, { headers, redirect: 'manual' }).catch(
    (error: unknown) => {
      throw unreachable(new URL(baseUrl).origin, error);
    },
  );
  if (response.ok) return response;
  const { status } = response;
  throw refusal({
    status,
    path,
    text: await response.text(),
    retryAfter: response.headers.get('retry-after'),
  });
}

async function* readStream(response: Response): AsyncGenerator<EventSourceMessage> {
  const messages: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (message) => void messages.push(message) });
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
    throw unreachable(new URL(response.url).origin, error);
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
