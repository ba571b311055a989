/**
 * Delivers the contents of a spool to the server: first the transcript, then the result. It removes the spool only after the
 * server has acknowledged everything. A result that the server will never accept is moved to a folder where a person can find
 * it.
 */

import { SUMMARY_LENGTH } from '../../../spec/job/kinds.ts';
import { clip } from '../../../spec/text.ts';
import { messageOf } from '../../base/exit.ts';
import { pause, retryPauseMs, timerMs } from '../../base/pause.ts';
import type { Held, HostedApi, JsonBody, Reply } from '../job/hosted-api.ts';
import { receiptOf, releaseOf, reportOf } from '../job/result.ts';
import type { WorkContext } from '../job/work-context.ts';
import type { LeaseSpool } from '../spool/lease-spool.ts';
import type { ResultRecord } from '../spool/records.ts';
import type { UploadLoop } from './upload-loop.ts';

/** Defines when a delivery gives up. */
export interface DeliveryLimit {
  /** Aborting ends the attempts. Undelivered data stays in the spool. */
  signal: AbortSignal;
  /** If true, the delivery makes one attempt, because the caller tries again later. Otherwise it tries until the signal aborts. */
  isOnce?: boolean | undefined;
  /** Frees the resources of the signal. */
  dispose?(): void;
}

export interface DeliveryOptions extends Omit<DeliveryLimit, 'dispose'> {
  service: HostedApi;
  held: Held;
  spool: LeaseSpool;
  uploads: UploadLoop;
  result: ResultRecord;
  env: NodeJS.ProcessEnv;
  /** Called when the server cannot be reached, with the number of failures in a row. */
  onUnavailable?(message: string, attempt: number): void;
}

export type Delivery =
  /**
   * `isTranscriptOwed`: the result has arrived, but a part of the transcript still waits in the spool. `isReleased`: the
   * server has queued the job again.
   */
  | { kind: 'delivered'; body: JsonBody; isTranscriptOwed?: boolean; isReleased: boolean }
  /** The lease is gone, or the server does not accept the result. `keptAt`: the folder that now has the result. */
  | { kind: 'refused'; code: string; message: string; keptAt?: string }
  /** The delivery gave up for now. The next start of the runner tries again. */
  | { kind: 'pending'; message: string };

/** How long results may still be delivered after a second Ctrl-C. */
const SHUTDOWN_DELIVERY_MS = 10_000;

/** Tries until the time limit of the runner, or for a short time after the shutdown of the runner. */
export function untilGivenUp({
  shutdown,
  deliveryLimitMs,
}: Pick<WorkContext, 'shutdown' | 'deliveryLimitMs'>): DeliveryLimit {
  const end = new AbortController();
  const timers = [setTimeout(() => end.abort(), timerMs(deliveryLimitMs))];
  const hurry = () => {
    timers.push(setTimeout(() => end.abort(), SHUTDOWN_DELIVERY_MS));
  };
  if (shutdown.aborted) hurry();
  else shutdown.addEventListener('abort', hurry, { once: true });
  return {
    signal: end.signal,
    dispose() {
      for (const timer of timers) clearTimeout(timer);
      shutdown.removeEventListener('abort', hurry);
    },
  };
}

/**
 * Delivers until the server has acknowledged everything, or the signal aborts. Every round begins with the transcript, so
 * that it arrives before the result. If the server refuses only the transcript, the result is delivered anyway, because a
 * person waits for it. At the end the spool is always closed.
 */
export async function deliver(options: DeliveryOptions): Promise<Delivery> {
  const { spool, uploads } = options;
  try {
    return await deliverAndSettle(options);
  } finally {
    await uploads.stop();
    await spool.close();
  }
}

async function deliverAndSettle(options: DeliveryOptions): Promise<Delivery> {
  const { uploads, signal } = options;
  const delivery = await deliverInRounds(options);
  if (delivery.kind === 'delivered' && !uploads.isDrained) await uploads.drain(signal);
  await uploads.stop();
  if (delivery.kind === 'delivered' && !uploads.isDrained && !uploads.isRefused) {
    return { ...delivery, isTranscriptOwed: true };
  }
  return delivery.kind === 'pending' ? delivery : settleSpool(options, delivery);
}

async function deliverInRounds(options: DeliveryOptions): Promise<Delivery> {
  const { uploads, spool, signal, isOnce = false, onUnavailable, ...sending } = options;
  let { result } = options;
  for (let attempt = 1; ; attempt += 1) {
    await keepResult(spool, result);
    const silence = await drainOrAsk(options);
    if (silence !== undefined) {
      onUnavailable?.(silence, attempt);
      if (isOnce) return { kind: 'pending', message: silence };
      await pause(retryPauseMs(attempt), signal);
      if (signal.aborted) return { kind: 'pending', message: silence };
      continue;
    }
    if (spool.remark !== undefined) await sending.service.addLogs(sending.held, [spool.remark]);
    const { reply, isReleased } = await sendResult({ ...sending, result });
    if (reply.kind === 'ok') return { kind: 'delivered', body: reply.value, isReleased };
    if (reply.kind === 'refused' && isAboutContent(reply.code) && result.content !== undefined) {
      try {
        result = await withoutContent(result, { ...sending, spool, why: reply.message });
      } catch (error) {
        // The spool has the only copy of the answer.
        return { kind: 'pending', message: `${reply.message}; it cannot be kept here, ${messageOf(error)}` };
      }
      continue;
    }
    if (reply.kind === 'refused') return { kind: 'refused', code: reply.code, message: reply.message };
    onUnavailable?.(reply.message, attempt);
    if (isOnce) return { kind: 'pending', message: reply.message };
    await pause(retryPauseMs(attempt), signal);
    if (signal.aborted) return { kind: 'pending', message: reply.message };
  }
}

/**
 * Uploads as much of the transcript as the server accepts. If a part is not accepted, checks whether the server is reachable, so that a
 * server after an outage gets the transcript first. Returns the reason if nothing can be sent now.
 */
async function drainOrAsk({ service, held, uploads, signal }: DeliveryOptions): Promise<string | undefined> {
  await uploads.drain(signal);
  if (uploads.isDrained || uploads.isRefused) return undefined;
  const beat = await service.heartbeat(held, false);
  if (beat.kind === 'unavailable' || beat.kind === 'unauthenticated') return beat.message;
  await uploads.drain(signal);
  return undefined;
}

/** Writes a result that could not be written before. The disk may have space now, and a result on disk survives a crash. */
async function keepResult(spool: LeaseSpool, result: ResultRecord): Promise<void> {
  if (!spool.isResultKept) await spool.setResult(result).catch(() => undefined);
}

/** Returns whether the server refused the content and not the lease. */
function isAboutContent(code: string): boolean {
  return code === 'body_too_large' || code === 'invalid_input' || code === 'invalid_json';
}

/** The server must learn how the job ended, even if it refuses the answer; the answer then stays on this machine. */
async function withoutContent(
  { content = '', ...rest }: ResultRecord,
  { spool, held, env, why }: Pick<DeliveryOptions, 'spool' | 'held' | 'env'> & { why: string },
): Promise<ResultRecord> {
  const place = await spool.keepAnswer(env, held.leaseId ?? held.jobId, content);
  const summary = `The answer was refused (${why}); it is kept on the machine in ${place}.`;
  return { ...rest, summary: clip(summary, SUMMARY_LENGTH) };
}

interface Sent {
  reply: Reply<JsonBody>;
  isReleased: boolean;
}

/** Sends the result. Returns the job to the queue if the result asks for that and the server supports it. */
async function sendResult({
  service,
  held,
  result,
}: Pick<DeliveryOptions, 'service' | 'held' | 'result'>): Promise<Sent> {
  if (result.outcome === 'cancelled') {
    return { reply: await service.confirmCancel(held, receiptOf(result)), isReleased: false };
  }
  if (result.release !== undefined && held.leaseId !== undefined) {
    const reply = await service.release(held, releaseOf(result, result.release, Date.now()));
    if (reply.kind !== 'refused') return { reply, isReleased: true };
  }
  return { reply: await service.complete(held, reportOf(result)), isReleased: false };
}

async function settleSpool(
  { spool, result, env }: DeliveryOptions,
  delivery: Exclude<Delivery, { kind: 'pending' }>,
): Promise<Delivery> {
  // Without an answer, a refused result contains nothing that is worth keeping.
  if (delivery.kind === 'refused' && result.content !== undefined) {
    return { ...delivery, keptAt: await spool.keepAside(env) };
  }
  await spool.remove();
  return delivery;
}
