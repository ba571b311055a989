/**
 * The two calls that a runner makes before its agent runs: it starts the job, or it returns the job to the queue. The runner
 * repeats each call until the server answers. The server may receive a call twice.
 *
 *   start
 *     ok                            → started: only this answer allows the agent to run
 *     the job is in another status  → an earlier call had an effect, and the lease has expired in the meantime. A heartbeat renews
 * the
 *                                     lease, and the runner starts the job again. If that fails, the lease is gone.
 *     refused                       → another runner has the lease; the server expects no result from this runner
 *     no answer in time             → a call may have had an effect, so the runner must report that nothing ran
 *
 *   put back
 *     ok                            → the job is in the queue
 *     refused, or no answer in time → the server queues the unstarted job when the lease expires
 */

import type { ReleaseReason } from '../../../spec/job/release.ts';
import { pause, retryPauseMs } from '../../base/pause.ts';
import type { Held, HostedApi, JsonBody } from '../job/hosted-api.ts';

export type Start =
  | { kind: 'started'; body: JsonBody }
  | { kind: 'refused'; message: string }
  | { kind: 'unanswered'; message: string };

export interface StartOptions {
  service: Pick<HostedApi, 'start' | 'heartbeat'>;
  held: Held;
  isDraining(): boolean;
  /** Aborting ends the attempts. */
  signal: AbortSignal;
}

export async function startLease(options: StartOptions): Promise<Start> {
  const { service, held, signal } = options;
  for (let failures = 0; ; ) {
    const reply = await service.start(held);
    if (reply.kind === 'ok') return { kind: 'started', body: reply.value };
    const { message } = reply;
    const lease = reply.kind === 'refused' ? await judgeRefusal(reply.code, options) : 'unknown';
    if (lease === 'gone') return { kind: 'refused', message };
    // The server is reachable again. Retry quickly, because the renewed lease can expire, too.
    failures = lease === 'renewed' ? 1 : failures + 1;
    await pause(retryPauseMs(failures), signal);
    if (signal.aborted) return { kind: 'unanswered', message };
  }
}

/** Returns `unknown` if the heartbeat was not answered. The next call to start asks again. */
async function judgeRefusal(code: string, options: StartOptions): Promise<'renewed' | 'gone' | 'unknown'> {
  if (code !== 'wrong_status') return 'gone';
  const { service, held, isDraining } = options;
  const beat = await service.heartbeat(held, isDraining());
  if (beat.kind === 'ok') return beat.value.verdict?.action === 'continue' ? 'renewed' : 'gone';
  return beat.kind === 'refused' ? 'gone' : 'unknown';
}

/** How long an exiting runner waits for the server. */
const PUT_BACK_LIMIT_MS = 10_000;

export interface PutBackOptions {
  service: Pick<HostedApi, 'release'>;
  held: Held;
  /** The server has a sentence for each reason. */
  reason: ReleaseReason;
}

/** Returns an unstarted job to the queue. Returns whether the server has already queued it. */
export async function putBack({ service, held, reason }: PutBackOptions): Promise<boolean> {
  const signal = AbortSignal.timeout(PUT_BACK_LIMIT_MS);
  for (let failures = 1; ; failures += 1) {
    const reply = await service.release(held, { reason });
    if (reply.kind === 'ok') return true;
    if (reply.kind === 'refused') return false;
    await pause(retryPauseMs(failures), signal);
    if (signal.aborted) return false;
  }
}

/** The sentence for the person at this machine about a job that the runner returned. */
export function describePutBack(jobId: string, isReleased: boolean): string {
  return isReleased
    ? `Job ${jobId} was not started and is in the queue again.`
    : `Job ${jobId} was not started; it goes back to the queue when its lease ends.`;
}
