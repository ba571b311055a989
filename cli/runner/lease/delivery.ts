/**
 * Brings what a spool holds to the service: first the transcript, then the result, then the spool is removed. Nothing is
 * removed before it was acknowledged; what the service will never take is put aside where a person finds it.
 */

import { SUMMARY_LENGTH } from '../../../spec/job/kinds.ts';
import { clip } from '../../../spec/text.ts';
import { messageOf } from '../../base/exit.ts';
import { pause, retryPauseMs } from '../../base/pause.ts';
import type { Held, HostedApi, JsonBody, Reply } from '../job/hosted-api.ts';
import { receiptOf, reportOf } from '../job/result.ts';
import { keepAnswer, type LeaseSpool } from '../spool/lease-spool.ts';
import type { ResultRecord } from '../spool/records.ts';
import type { UploadLoop } from './upload-loop.ts';

export interface DeliveryOptions {
  service: HostedApi;
  held: Held;
  spool: LeaseSpool;
  uploads: UploadLoop;
  result: ResultRecord;
  env: NodeJS.ProcessEnv;
  /** Ends the tries; what is not delivered stays in the spool. */
  signal: AbortSignal;
  /** One try: whoever asks comes back later. Absent: it is tried until the signal aborts. */
  isOnce?: boolean;
  /** Called when the service cannot be reached, and how often that happened in a row. */
  onUnavailable?(message: string, attempt: number): void;
}

export type Delivery =
  /**
   * `isTranscriptOwed`: the result has arrived, and not all of the transcript; the rest waits in the spool. `isReleased`: the
   * server has queued the job again.
   */
  | { kind: 'delivered'; body: JsonBody; isTranscriptOwed?: boolean; isReleased: boolean }
  /** The lease is gone, or the service will not take it. `keptAt`: where the result is now. */
  | { kind: 'refused'; code: string; message: string; keptAt?: string }
  /** Given up for now; the next start of the runner delivers it. */
  | { kind: 'pending'; message: string };

/**
 * Delivers, however often it takes, until the signal aborts. Every round begins with the transcript, so that it arrives
 * before the result; but where only the transcript is refused, the answer that a person waits for does not wait with it.
 * The spool is closed in any case.
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
        result = await withoutContent(result, { ...sending, why: reply.message });
      } catch (error) {
        // It is nowhere else than in this spool.
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
 * Brings the transcript as far as it goes. When that is not to its end, it is asked whether the service is there at all: a
 * service that has just come back takes the transcript first. Answers with why nothing can be sent now.
 */
async function drainOrAsk({ service, held, uploads, signal }: DeliveryOptions): Promise<string | undefined> {
  await uploads.drain(signal);
  if (uploads.isDrained || uploads.isRefused) return undefined;
  const beat = await service.heartbeat(held, false);
  if (beat.kind === 'unavailable' || beat.kind === 'unauthenticated') return beat.message;
  await uploads.drain(signal);
  return undefined;
}

/** The disk was full, and may not be any more: what is on it survives this process. */
async function keepResult(spool: LeaseSpool, result: ResultRecord): Promise<void> {
  if (!spool.isResultKept) await spool.setResult(result).catch(() => undefined);
}

/** The service refuses what was written, not who wrote it. */
function isAboutContent(code: string): boolean {
  return code === 'body_too_large' || code === 'invalid_input' || code === 'invalid_json';
}

/** How the job ended must arrive, whatever is wrong with the answer; the answer itself stays on this machine. */
async function withoutContent(
  { content = '', ...rest }: ResultRecord,
  about: { held: Held; env: NodeJS.ProcessEnv; why: string },
): Promise<ResultRecord> {
  const place = await keepAnswer(about.env, about.held.leaseId ?? about.held.jobId, content);
  const summary = `The answer was refused (${about.why}); it is kept on the machine in ${place}.`;
  return { ...rest, summary: clip(summary, SUMMARY_LENGTH) };
}

interface Sent {
  reply: Reply<JsonBody>;
  isReleased: boolean;
}

/** A server that does not take the job back is told how it ended. */
async function sendResult({
  service,
  held,
  result,
}: Pick<DeliveryOptions, 'service' | 'held' | 'result'>): Promise<Sent> {
  if (result.outcome === 'cancelled') {
    return { reply: await service.confirmCancel(held, receiptOf(result)), isReleased: false };
  }
  if (result.release !== undefined && held.leaseId !== undefined) {
    const reply = await service.release(held, result.release);
    if (reply.kind !== 'refused') return { reply, isReleased: true };
  }
  return { reply: await service.complete(held, reportOf(result)), isReleased: false };
}

async function settleSpool(
  { spool, result, env }: DeliveryOptions,
  delivery: Exclude<Delivery, { kind: 'pending' }>,
): Promise<Delivery> {
  // A refused result without an answer tells nobody anything that the service does not know.
  if (delivery.kind === 'refused' && result.content !== undefined) {
    return { ...delivery, keptAt: await spool.keepAside(env) };
  }
  await spool.remove();
  return delivery;
}
