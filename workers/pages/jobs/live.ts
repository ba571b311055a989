/** The stream that follows a job for its page. It sends entries as HTML, and an event when anything else has changed. */

import { accept } from '../../../spec/errors.ts';
import { isTokenLive } from '../../base/notify.ts';
import { bridge } from '../../http/sse-bridge.ts';
import { openFollow } from '../../jobs/follow.ts';
import { FollowFrames } from '../../jobs/follow-frames.ts';
import type { PageRequest } from '../frame/page.ts';
import { entryHtml } from './transcript.tsx';

const WAIT_MS = 15 * 60_000;

export async function streamJob({ params, query, auth, deps, context }: PageRequest) {
  const after = context.req.header('last-event-id') ?? query.get('after') ?? undefined;
  const follow = await openFollow(deps, auth, { jobId: params.jobId ?? '', after });
  if (!follow.ok) return follow;
  const frames = new FollowFrames(follow.value, (entry) => ({ html: entryHtml(entry) }));
  return accept(
    bridge({
      socket: follow.value.socket,
      waitMs: frames.limit(WAIT_MS),
      preamble: frames.preamble(),
      translate: (message) => frames.translate(message),
      farewell: (reason) => frames.farewell(reason),
      endsAtOnce: follow.value.last !== undefined,
      ...(follow.value.mustAsk ? { isAllowed: () => isTokenLive(deps, auth.tokenHash) } : {}),
    }),
  );
}
