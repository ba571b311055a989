/** The channels: SSE streams served by this Worker, WebSockets passed to the object, and the stream that follows one job. */

import type { Hono } from 'hono';
import { followJob, socketEvents, streamEvents } from '../../spec/contract/events.ts';
import { accept, refuse } from '../../spec/errors.ts';
import { isTokenLive } from '../base/notify.ts';
import type { AppEnv } from '../http/app-env.ts';
import { mount } from '../http/mount.ts';
import { clientOf } from '../http/source.ts';
import { bridge, EventFrames } from '../http/sse-bridge.ts';
import { openFollow } from '../jobs/follow.ts';
import { FollowFrames } from '../jobs/follow-frames.ts';
import { type Connection, connectRunner } from '../machines/connect.ts';

export function mountEvents(app: Hono<AppEnv>): void {
  mount(app, streamEvents, async ({ query, auth, deps, context }) => {
    const frames = new EventFrames({ persistent: query.persistent, startedAt: deps.now });
    const connection = await connectRunner(deps, auth, { ...query, ...clientOf(context), transport: 'sse' });
    if (!connection.ok) return connection;
    return accept(
      bridge({
        socket: socketOf(connection.value),
        waitMs: query.waitSeconds * 1000,
        translate: (message) => frames.translate(message),
        farewell: (reason) => frames.farewell(reason),
      }),
    );
  });

  mount(app, socketEvents, async ({ query, auth, deps, context }) => {
    if (context.req.header('upgrade')?.toLowerCase() !== 'websocket') {
      return refuse(
        'invalid_input',
        'upgrade: this path speaks WebSocket only.',
        'Use events/stream for server-sent events.',
      );
    }
    const connection = await connectRunner(deps, auth, { ...query, ...clientOf(context), transport: 'ws' });
    return connection.ok ? accept(connection.value.response) : connection;
  });

  mount(app, followJob, async ({ params, query, auth, deps, context }) => {
    const after = context.req.header('last-event-id') ?? query.after;
    const follow = await openFollow(deps, auth, { jobId: params.jobId, after });
    if (!follow.ok) return follow;
    const frames = new FollowFrames(follow.value);
    return accept(
      bridge({
        socket: follow.value.socket,
        waitMs: frames.limit(query.waitSeconds * 1000),
        preamble: frames.preamble(),
        translate: (message) => frames.translate(message),
        farewell: (reason) => frames.farewell(reason),
        endsAtOnce: follow.value.last !== undefined,
        ...(follow.value.mustAsk ? { isAllowed: () => isTokenLive(deps, auth.tokenHash) } : {}),
      }),
    );
  });
}

function socketOf({ response }: Connection): WebSocket {
  if (response.webSocket === null) throw new Error('the object accepted a channel without a socket');
  return response.webSocket;
}
