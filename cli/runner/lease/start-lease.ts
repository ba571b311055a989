/**
 * Says that the agent is about to run, until the service has answered: only an answer tells that it may. The same lease
 * may be started as often as it takes.
 *
 *   ok                            → started
 *   the job is in another status  → an earlier try took effect and the lease ran out meanwhile: a heartbeat takes it up
 *                                   again, and it is started again; what the heartbeat cannot take up is refused
 *   refused                       → the lease is somebody else's: nothing is owed to anybody
 *   nobody answered in time       → a try may have taken effect: the service is owed the word that nothing ran
 */

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
  /** Ends the tries. */
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
    // The service is there again, and a lease that was taken up does not last for ever.
    failures = lease === 'taken_up' ? 1 : failures + 1;
    await pause(retryPauseMs(failures), signal);
    if (signal.aborted) return { kind: 'unanswered', message };
  }
}

/** `unknown`: the heartbeat was not answered, and the next start asks again. */
async function judgeRefusal(code: string, options: StartOptions): Promise<'taken_up' | 'gone' | 'unknown'> {
  if (code !== 'wrong_status') return 'gone';
  const { service, held, isDraining } = options;
  const beat = await service.heartbeat(held, isDraining());
  if (beat.kind === 'ok') return beat.value.verdict?.action === 'continue' ? 'taken_up' : 'gone';
  return beat.kind === 'refused' ? 'gone' : 'unknown';
}
