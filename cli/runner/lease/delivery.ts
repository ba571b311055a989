/**
 * Brings what a spool holds to the server: first the transcript, then the result. After that the spool is removed. Nothing is
 * removed before the server has acknowledged it; a result that the server will never accept is kept where a person finds it.
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

/** How long a delivery is tried. */
export interface DeliveryLimit {
  /** Ends the attempts; what is not delivered stays in the spool. */
  signal: AbortSignal;
  /** One attempt: the caller comes back later. Absent: the delivery is repeated until the signal aborts. */
  isOnce?: boolean | undefined;
  /** Frees what the signal needs. */
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
   * `isTranscriptOwed`: the result has arrived, and not all of the transcript; the rest waits in the spool. `isReleased`: the
   * server has queued the job again.
   */
  | { kind: 'delivered'; body: JsonBody; isTranscriptOwed?: boolean; isReleased: boolean }
  /** The lease is gone, or the server does not accept the result. `keptAt`: where the result is now. */
  | { kind: 'refused'; code: string; message: string; keptAt?: string }
  /** Given up for now; the next start of the runner delivers it. */
  | { kind: 'pending'; message: string };

/** After a person asked twice to leave, results may be delivered for this long. */
const SHUTDOWN_DELIVERY_MS = 10_000;

/** Tries until the limit of the runner, or for a short time after its shutdown. */
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
 * Delivers until the server has acknowledged everything, or the signal aborts. Every round begins with the transcript, so that
 * it arrives before the result; but where only the transcript is refused, the answer that a person waits for does not wait
 * with it. The spool is closed in any case.
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
 * Uploads as much of the transcript as the server accepts. When some is left, asks whether the server can be reached at all: a
 * server that has just come back gets the transcript first. Returns why nothing can be sent now.
 */
async function drainOrAsk({ service, held, uploads, signal }: DeliveryOptions): Promise<string | undefined> {
  await uploads.drain(signal);
  if (uploads.isDrained || uploads.isRefused) return undefined;
  const beat = await service.heartbeat(held, false);
  if (beat.kind === 'unavailable' || beat.kind === 'unauthenticated') return beat.message;
  await uploads.drain(signal);
  return undefined;
}

/** The disk was full, and may have room now: a result on the disk survives this process. */
async function keepResult(spool: LeaseSpool, result: ResultRecord): Promise<void> {
  if (!spool.isResultKept) await spool.setResult(result).catch(() => undefined);
}

/** The server refuses the content, not the lease. */
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

/** If the server does not take the job back, it gets the result instead. */
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
  // A refused result without an answer contains nothing that the server does not know.
  if (delivery.kind === 'refused' && result.content !== undefined) {
    return { ...delivery, keptAt: await spool.keepAside(env) };
  }
  await spool.remove();
  return delivery;
}
