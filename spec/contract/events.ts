/** The channels that wake a runner, the calls that they carry, and the event stream that follows one job. */

import * as z from 'zod/mini';
import { machineIdField, pathId } from '../ids.ts';
import { DEFAULT_WAIT_SECONDS, MAX_WAIT_SECONDS, MIN_WAIT_SECONDS } from '../transport/events.ts';
import { type Endpoint, endpoint, queryFlag, queryInteger } from './endpoint.ts';
import { cancelJob } from './jobs.ts';
import { addLogs, addMessage, heartbeat } from './runner.ts';

const instance = z.optional(z.string().check(z.maxLength(64)));

export const streamEvents = endpoint({
  name: 'streamEvents',
  method: 'GET',
  path: '/api/cli/runner/events/stream',
  summary:
    'Wait for work over server-sent events. The stream always ends with `job.available`, `timeout` or `error`.',
  query: z.object({
    machineId: machineIdField,
    waitSeconds: queryInteger(MIN_WAIT_SECONDS, MAX_WAIT_SECONDS, DEFAULT_WAIT_SECONDS),
    instance,
    /** Extension: `job.available` does not end the stream, so that cancels still reach a runner that works. */
    persistent: queryFlag,
  }),
  reply: z.never(),
  answers: 'sse',
  errors: ['not_found', 'foreign_machine'],
  idempotent: true,
});

export const socketEvents = endpoint({
  name: 'socketEvents',
  method: 'GET',
  path: '/api/cli/runner/events/ws',
  summary:
    'Wait for work over a WebSocket. It carries the same events as JSON text frames. The server answers `ping` with `pong`.',
  query: z.object({ machineId: machineIdField, instance }),
  reply: z.never(),
  answers: 'ws',
  capability: 'events-ws',
  errors: ['not_found', 'foreign_machine'],
  idempotent: true,
});

export const followJob = endpoint({
  name: 'followJob',
  method: 'GET',
  path: '/api/cli/runner/jobs/:jobId/events',
  summary:
    'Follow one job live over server-sent events: transcript entries and status changes. Resume with `Last-Event-ID`.',
  query: z.object({
    waitSeconds: queryInteger(MIN_WAIT_SECONDS, MAX_WAIT_SECONDS, MAX_WAIT_SECONDS),
    /** For clients that cannot set `Last-Event-ID`. */
    after: z.optional(z.string().check(z.maxLength(64))),
  }),
  needs: 'read',
  reply: z.never(),
  answers: 'sse',
  capability: 'follow',
  errors: ['not_found', 'limit_reached'],
  idempotent: true,
});

/**
 * The calls that a runner may send over its WebSocket: frames cost a twentieth of a request. The server handles each call as
 * the request with the same row, parameters and body, so all rules of the route apply. A runner may send the same call again
 * as a request, in any order, because each of these rows may be repeated.
 */
export const CHANNEL_ROWS = { heartbeat, addMessage, addLogs, cancelJob } as const;

export type ChannelRow = keyof typeof CHANNEL_ROWS;

/** Returns the name under which a row travels over a channel, or undefined if it is always a request of its own. */
export function channelRowOf(row: Pick<Endpoint, 'name'>): ChannelRow | undefined {
  return row.name in CHANNEL_ROWS ? (row.name as ChannelRow) : undefined;
}

const callId = z.int().check(z.minimum(0));

/** A frame of the runner. */
export const channelCall = z.object({
  /** A number that the runner chooses. The reply repeats it. */
  call: callId,
  name: z.enum(Object.keys(CHANNEL_ROWS) as [ChannelRow, ...ChannelRow[]]),
  params: z._default(z.record(z.string(), pathId), {}),
  body: z.unknown(),
});
export type ChannelCall = z.infer<typeof channelCall>;

/** The reply to a call: the answer that the request would have got. */
export const channelReply = z.object({
  reply: callId,
  status: z.int().check(z.minimum(200), z.maximum(599)),
  headers: z.record(z.string(), z.string()),
  text: z.string(),
});
export type ChannelReply = z.infer<typeof channelReply>;

/** The maximum size of a call. `ready` announces it, and a runner sends larger calls as requests. */
export const MAX_CALL_BYTES = 64 * 1024;

/** The maximum number of unanswered calls of a channel. */
export const MAX_OPEN_CALLS = 64;
