/**
 * What a runner tells the server about a lease before its agent runs: that the job starts, or that it goes back to the
 * queue. Both calls are repeated until they are answered, and both may arrive twice.
 *
 *   start
 *     ok                            → started: only this answer allows the agent to run
 *     the job is in another status  → an earlier attempt took effect and the lease expired meanwhile. A heartbeat renews the
 *                                     lease, and the job is started again. If the lease cannot be renewed, it is gone.
 *     refused                       → another runner has the lease; the server expects nothing from this one
 *     no answer in time             → an attempt may have taken effect, so the server must be told that nothing ran
 *
 *   put back
 *     ok                            → the job is in the queue
 *     refused, or no answer in time → the lease expires, and the server queues a job that was never started
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
  /** Ends the attempts. */
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
    // The server answers again, and a renewed lease does not last for ever.
    failures = lease === 'renewed' ? 1 : failures + 1;
    await pause(retryPauseMs(failures), signal);
    if (signal.aborted) return { kind: 'unanswered', message };
  }
}

/** `unknown`: the heartbeat was not answered, and the next start asks again. */
async function judgeRefusal(code: string, options: StartOptions): Promise<'renewed' | 'gone' | 'unknown'> {
  if (code !== 'wrong_status') return 'gone';
  const { service, held, isDraining } = options;
  const beat = await service.heartbeat(held, isDraining());
  if (beat.kind === 'ok') return beat.value.verdict?.action === 'continue' ? 'renewed' : 'gone';
  return beat.kind === 'refused' ? 'gone' : 'unknown';
}

/** A runner that leaves does not wait longer for the server. */
const PUT_BACK_LIMIT_MS = 10_000;

export interface PutBackOptions {
  service: Pick<HostedApi, 'release'>;
  held: Held;
  /** The server has a sentence for each reason. */
  reason: ReleaseReason;
}

/** Gives a job back that was not started. Returns whether the server has queued it again. */
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

/** Tells the person at this machine what happens to a job that the runner gave back. */
export function describePutBack(jobId: string, isReleased: boolean): string {
  return isReleased
    ? `Job ${jobId} was not started and is in the queue again.`
    : `Job ${jobId} was not started; it goes back to the queue when its lease ends.`;
}
