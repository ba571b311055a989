/** The channels that wake a runner, and the event stream that follows one job. */

import * as z from 'zod';
import { machineIdField } from '../ids.ts';
import { DEFAULT_WAIT_SECONDS, MAX_WAIT_SECONDS, MIN_WAIT_SECONDS } from '../transport/events.ts';
import { endpoint, queryFlag, queryInteger } from './endpoint.ts';

const instance = z.string().max(64).optional();

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
    after: z.string().max(64).optional(),
  }),
  needs: 'read',
  reply: z.never(),
  answers: 'sse',
  capability: 'follow',
  errors: ['not_found', 'limit_reached'],
  idempotent: true,
});
