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

import { pause, retryPauseMs } from './pause.ts';
import type { Body, Held, RunnerService } from './service.ts';

export type Start =
  | { kind: 'started'; body: Body }
  | { kind: 'refused'; message: string }
  | { kind: 'unanswered'; message: string };

export interface StartOptions {
  service: Pick<RunnerService, 'start' | 'heartbeat'>;
  held: Held;
  isDraining(): boolean;
  /** Ends the tries. */
  signal: AbortSignal;
}

export async function startLease(options: StartOptions): Promise<Start> {
  const { service, held, signal } = options;
  for (let attempt = 1; ; attempt += 1) {
    const reply = await service.start(held);
    if (reply.kind === 'ok') return { kind: 'started', body: reply.value };
    const { message } = reply;
    if (reply.kind === 'refused' && !(reply.code === 'wrong_status' && (await isTakenUp(options)))) {
      return { kind: 'refused', message };
    }
    await pause(retryPauseMs(attempt), signal);
    if (signal.aborted) return { kind: 'unanswered', message };
  }
}

/** Whether the lease may go on; an unanswered heartbeat leaves that open, and the next start asks again. */
async function isTakenUp({ service, held, isDraining }: StartOptions): Promise<boolean> {
  const beat = await service.heartbeat(held, isDraining());
  return beat.kind === 'ok' ? beat.value.verdict?.action === 'continue' : beat.kind !== 'refused';
}
