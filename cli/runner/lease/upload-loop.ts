/**
 * Uploads the transcript from the spool to the server, in order, until the server has acknowledged everything:
 *
 *   reading ──nothing new──▶ waiting ──wake──▶ reading
 *      └──batch──▶ sending ──received──▶ reading
 *                     ├──unavailable──▶ pause (growing, jittered) ──▶ reading again
 *                     ├──too large, malformed──▶ send half as much; replace a single chunk by a remark
 *                     └──lease refused──▶ ask the server about the lease; only a lost lease ends the loop
 *
 * The queue is on the disk, so even a long outage needs no memory.
 */

import { pause, retryPauseMs, settledOr } from '../../base/pause.ts';
import type { Held, HostedApi, JsonBody, LeaseVerdict, Reply } from '../job/hosted-api.ts';
import { findOffsetAfter, type PlacedChunk, readBatch } from '../spool/chunk-reader.ts';
import { type ChunkRecord, readSeq } from '../spool/records.ts';

export interface UploadOptions {
  service: Pick<HostedApi, 'addLogs'>;
  held: Held;
  chunksPath: string;
  /** The number up to which the server has every chunk. */
  received: number;
  /** Asks the server about the lease after it has refused an upload. */
  askLease(): Promise<LeaseVerdict | undefined>;
}

/** Error codes that concern the job or its lease, not the sent data. */
const LEASE_REFUSALS: ReadonlySet<string> = new Set([
  'lease_lost',
  'wrong_status',
  'foreign_machine',
  'not_found',
]);
/**
 * Maximum refusals in a row. If the server says that a lease is valid but refuses its uploads, the result must not wait
 * forever.
 */
const MAX_REFUSALS = 5;

/** After this many failed attempts (about half a minute), the result is sent before the transcript. */
const STALLED_AFTER = 6;

export class UploadLoop {
  readonly #options: UploadOptions;
  readonly #end = new AbortController();
  readonly #running: Promise<void>;
  /** The file offset of the first chunk that the server has not acknowledged. */
  #offset = 0;
  #received = 0;
  /** The maximum number of chunks per upload. It shrinks when the server refuses the content of an upload. */
  #limit = Number.POSITIVE_INFINITY;
  #failures = 0;
  #refusals = 0;
  #isRefused = false;
  #isDrained = false;
  #lastReply: JsonBody | undefined;
  #isWoken = false;
  #wake: () => void = () => undefined;
  #skipPause = new AbortController();
  #drained = Promise.withResolvers<void>();

  constructor(options: UploadOptions) {
    this.#options = options;
    this.#received = options.received;
    this.#running = this.#run();
  }

  /** True if the server accepts no more uploads under this lease. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** True if the server has everything that the last read of the spool found. */
  get isDrained(): boolean {
    return this.#isDrained;
  }

  /** The last answer to an upload. */
  get lastReply(): JsonBody | undefined {
    return this.#lastReply;
  }

  /** Call this when there is new data to send. */
  wake(): void {
    this.#isWoken = true;
    this.#wake();
  }

  /**
   * Sends at once. Settles when the server has the complete spool, when it refuses, after several failed attempts in a row,
   * or when the signal aborts. The loop continues afterwards.
   */
  async drain(signal: AbortSignal): Promise<void> {
    this.#drained = Promise.withResolvers();
    this.#isDrained = false;
    this.#failures = 0;
    this.#skipPause.abort();
    this.wake();
    if (this.#isRefused || this.#end.signal.aborted) return;
    await settledOr(this.#drained.promise, signal);
  }

  async stop(): Promise<void> {
    this.#end.abort();
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    let isPlaced = this.#received === 0;
    while (!signal.aborted && !this.#isRefused) {
      try {
        if (!isPlaced) this.#offset = await findOffsetAfter(this.#options.chunksPath, this.#received);
        isPlaced = true;
        await this.#sendNext(signal);
      } catch {
        // Treat an unreadable transcript like an unreachable server, so that the result does not wait for it forever.
        await this.#waitAfterFailure();
      }
    }
    this.#drained.resolve();
  }

  async #sendNext(signal: AbortSignal): Promise<void> {
    this.#isWoken = false;
    const batch = await readBatch(this.#options.chunksPath, this.#offset);
    if (batch.length === 0) await this.#waitForNews(signal);
    else await this.#send(batch.slice(0, this.#limit));
  }

  async #waitForNews(signal: AbortSignal): Promise<void> {
    // New data arrived during the read, so read again.
    if (this.#isWoken) return;
    this.#isDrained = true;
    this.#drained.resolve();
    const news = Promise.withResolvers<void>();
    this.#wake = () => news.resolve();
    if (!signal.aborted) await news.promise;
  }

  async #send(batch: readonly PlacedChunk[]): Promise<void> {
    const chunks = fillHoles(
      batch.map((placed) => placed.chunk),
      this.#received,
    );
    const reply = await this.#options.service.addLogs(this.#options.held, chunks);
    if (reply.kind === 'ok') return this.#accept(reply.value, batch);
    if (reply.kind === 'refused') return this.#handleRefusal(reply, batch);
    return this.#waitAfterFailure();
  }

  async #accept(body: JsonBody, batch: readonly PlacedChunk[]): Promise<void> {
    const last = batch.at(-1);
    if (last === undefined) return;
    this.#lastReply = body;
    this.#limit = Number.POSITIVE_INFINITY;
    this.#refusals = 0;
    // A v0.4.4 server does not number chunks. Assume that it has everything that was sent.
    const received = readSeq(body.received) ?? last.chunk.seq;
    const isProgress = received > this.#received;
    this.#received = received;
    this.#offset =
      received === last.chunk.seq
        ? last.endOffset
        : await findOffsetAfter(this.#options.chunksPath, received);
    if (isProgress) this.#failures = 0;
    else await this.#waitAfterFailure();
  }

  async #handleRefusal(
    reply: Extract<Reply<JsonBody>, { kind: 'refused' }>,
    batch: readonly PlacedChunk[],
  ): Promise<void> {
    if (LEASE_REFUSALS.has(reply.code)) return this.#handleLeaseRefusal();
    if (batch.length > 1) {
      this.#limit = Math.ceil(batch.length / 2);
      return;
    }
    await this.#sendRemark(batch, reply.message);
  }

  async #handleLeaseRefusal(): Promise<void> {
    const verdict = await this.#options.askLease();
    this.#refusals += 1;
    this.#isRefused = verdict?.action === 'stop' || this.#refusals >= MAX_REFUSALS;
    if (!this.#isRefused) await this.#waitAfterFailure();
  }

  /** Replaces a chunk that the server does not accept, because a gap in the numbers would block all later chunks. */
  async #sendRemark(batch: readonly PlacedChunk[], why: string): Promise<void> {
    const chunks = batch.map(({ chunk }) =>
      remark(chunk.seq, chunk.at, `(a piece of output was refused: ${why})\n`),
    );
    const reply = await this.#options.service.addLogs(this.#options.held, chunks);
    if (reply.kind === 'ok') return this.#accept(reply.value, batch);
    if (reply.kind === 'refused') this.#isRefused = true;
    else await this.#waitAfterFailure();
  }

  async #waitAfterFailure(): Promise<void> {
    this.#failures += 1;
    if (this.#failures >= STALLED_AFTER) this.#drained.resolve();
    this.#skipPause = new AbortController();
    await pause(retryPauseMs(this.#failures), AbortSignal.any([this.#end.signal, this.#skipPause.signal]));
  }
}

/** Asks the server for the number of the last chunk that it has for a lease. */
export async function askReceived(
  service: Pick<HostedApi, 'offers' | 'addLogs'>,
  held: Held,
): Promise<number> {
  // Without numbers, the server cannot answer. Sending lines twice is better than losing lines.
  const numbers = await service.offers('chunks');
  if (numbers.kind !== 'ok' || !numbers.value) return 0;
  const reply = await service.addLogs(held, []);
  return (reply.kind === 'ok' ? readSeq(reply.value.received) : undefined) ?? 0;
}

/** Fills gaps in the numbers with remarks, so that the server accepts the later chunks. */
function fillHoles(chunks: readonly ChunkRecord[], received: number): ChunkRecord[] {
  const filled: ChunkRecord[] = [];
  let next = received + 1;
  for (const chunk of chunks) {
    for (; next < chunk.seq && filled.length < MAX_FILLED; next += 1)
      filled.push(remark(next, chunk.at, LOST));
    filled.push(chunk);
    next = chunk.seq + 1;
  }
  return filled.slice(0, MAX_FILLED);
}

/** The server accepts 1000 chunks per request. */
const MAX_FILLED = 1000;
const LOST = '(a piece of output was lost on the machine)\n';

function remark(seq: number, at: string, text: string): ChunkRecord {
  return { seq, at, stream: 'system', level: 'warn', text };
}
