/**
 * Gives a claimed job back that was not started. A server that cannot take it back, or cannot be reached, does so by itself:
 * the lease ends, and a job that was never started is queued again. So nothing runs twice, and nobody has to wait here.
 */

import type { ReleaseReason } from '../../../spec/job/release.ts';
import { pause, retryPauseMs } from '../../base/pause.ts';
import type { Held, HostedApi } from '../job/hosted-api.ts';

/** Whoever leaves does not wait longer for the server. */
const LIMIT_MS = 10_000;

export interface PutBack {
  service: Pick<HostedApi, 'release'>;
  held: Held;
  /** The server knows a sentence for each. */
  reason: ReleaseReason;
}

/** Returns whether the server has queued the job again. */
export async function putBack({ service, held, reason }: PutBack): Promise<boolean> {
  const signal = AbortSignal.timeout(LIMIT_MS);
  for (let failures = 1; ; failures += 1) {
    const reply = await service.release(held, { reason });
    if (reply.kind === 'ok') return true;
    if (reply.kind === 'refused') return false;
    await pause(retryPauseMs(failures), signal);
    if (signal.aborted) return false;
  }
}

/** What becomes of a job that was put back, for the person at this machine. */
export function describePutBack(jobId: string, isReleased: boolean): string {
  return isReleased
    ? `Job ${jobId} was not started and is in the queue again.`
    : `Job ${jobId} was not started; it goes back to the queue when its lease ends.`;
}
