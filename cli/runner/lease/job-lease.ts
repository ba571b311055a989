/**
 * Owns a claimed lease: its id, its spool, its heartbeats and uploads, the switch that stops its agent, and the delivery of
 * its result.
 *
 *   claimed ──begin──▶ on disk ──start──▶ started ──deliver──▶ settled
 *      └───────────────putBack, abandon──────┘                    ▲
 *   found on disk, left by an earlier run ──deliver───────────────┘
 *
 * Before `begin`, the disk has no data about the claimed job. After `begin`, a restarted runner can find the job.
 */

import { LEASE_MS } from '../../../spec/job/lease.ts';
import type { ReleaseReason } from '../../../spec/job/release.ts';
import { messageOf } from '../../base/exit.ts';
import type { LinkedRepository } from '../../records/sync-payload.ts';
import type { Claim } from '../job/claimed-job.ts';
import type { Held, JsonBody, LeaseVerdict } from '../job/hosted-api.ts';
import { fitContent } from '../job/result.ts';
import type { WorkContext } from '../job/work-context.ts';
import type { Workplace } from '../job/workplace.ts';
import { StopSwitch, stopReasonOf } from '../process/stop-switch.ts';
import { redactResult, redactText } from '../redaction/redact.ts';
import { LeaseSpool } from '../spool/lease-spool.ts';
import type { ClaimRecord, ResultRecord } from '../spool/records.ts';
import { type Delivery, type DeliveryLimit, deliver, untilGivenUp } from './delivery.ts';
import { HeartbeatLoop } from './heartbeat-loop.ts';
import { putBack, type Start, startLease } from './lease-moves.ts';
import { folderOf, heldOf, recordOfClaim } from './lease-record.ts';
import { askReceived, UploadLoop } from './upload-loop.ts';

interface Origin {
  record: ClaimRecord;
  /** The folder of the spool. */
  folder: string;
  /** True if an earlier runner process made this spool. */
  isLeft: boolean;
  linked?: LinkedRepository | undefined;
}

export class JobLease {
  readonly held: Held;
  /** The folder of its spool. */
  readonly folder: string;
  readonly stopSwitch = new StopSwitch();
  readonly #context: WorkContext;
  readonly #origin: Origin;
  readonly #started = Promise.withResolvers<void>();
  readonly #onShutdown = () => this.stopSwitch.ask({ kind: 'shutdown' });
  #spool: LeaseSpool | undefined;
  #heartbeats: HeartbeatLoop | undefined;
  #uploads: UploadLoop | undefined;
  /** The last answer of the server about a lease from an earlier run. */
  #verdict: LeaseVerdict | undefined;
  #isAsking = false;
  #isStarted = false;

  private constructor(context: WorkContext, origin: Origin) {
    this.#context = context;
    this.#origin = origin;
    this.held = heldOf(origin.record);
    this.folder = origin.folder;
  }

  /** Creates the lease of a job that this runner has just claimed. */
  static claimed(context: WorkContext, claim: Claim, workplace: Workplace | undefined): JobLease {
    const record = recordOfClaim(context, claim, workplace);
    const folder = folderOf(context, record);
    return new JobLease(context, { record, folder, isLeft: false, linked: workplace?.linked });
  }

  /** Creates a lease from the files that an earlier runner process left on the disk. */
  static left(context: WorkContext, { folder, record }: Pick<Origin, 'folder' | 'record'>): JobLease {
    return new JobLease(context, { record, folder, isLeft: true });
  }

  /** Writes the job and its lease to the disk, and listens for the shutdown of the runner. */
  async begin(): Promise<void> {
    const { shutdown } = this.#context;
    const at_utc = new Date().toISOString();
    this.#spool = await LeaseSpool.begin(this.folder, { ...this.#origin.record, at_utc });
    shutdown.addEventListener('abort', this.#onShutdown, { once: true });
    if (shutdown.aborted) this.#onShutdown();
  }

  /** Available after `begin`. */
  get spool(): LeaseSpool {
    if (this.#spool === undefined) throw new Error(`The spool of job ${this.held.jobId} is not open.`);
    return this.#spool;
  }

  /** The newest text of the transcript. Blank if there is none yet. */
  get lastText(): string {
    return this.#spool?.lastText ?? '';
  }

  /** The error of the last failed heartbeat. Blank if none failed. */
  get heartbeatError(): string {
    return this.#heartbeats?.lastError ?? '';
  }

  /** The last answer to an upload of output. */
  get logsReply(): JsonBody | undefined {
    return this.#uploads?.lastReply;
  }

  /** True if the server knows that the job runs. The server then does not hand out the job again. */
  get isStarted(): boolean {
    return this.#isStarted;
  }

  /** Settles when the server has answered the start. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  /** Sends the start of the job until the server answers. After that, heartbeats renew the lease. */
  async start(): Promise<Start> {
    const { service, shutdown, isDraining } = this.#context;
    const signal = AbortSignal.any([shutdown, AbortSignal.timeout(LEASE_MS)]);
    const start = await startLease({ service, held: this.held, isDraining, signal });
    if (start.kind !== 'started') return start;
    this.#isStarted = true;
    this.#started.resolve();
    this.startHeartbeats();
    return start;
  }

  /** Adds a sentence of the runner to the transcript, and sends it with the message route. */
  async announce(content: string, meta: Record<string, string | null>): Promise<JsonBody | undefined> {
    const at = new Date().toISOString();
    const shown = redactText(content, this.#context.secrets);
    await this.spool.addChunk({ at, stream: 'system', level: 'info', text: `${shown}\n` });
    const seq = this.spool.lastSeq;
    const reply = await this.#context.service.addMessage(this.held, { seq, at, content: shown, meta });
    // If the request fails, nothing is lost, because the sentence is also in the spool.
    this.#openUploads(reply.kind === 'ok' ? seq : seq - 1);
    return reply.kind === 'ok' ? reply.value : undefined;
  }

  /** True while the runner asks a person at this machine about the job. */
  get isAsking(): boolean {
    return this.#isAsking;
  }

  /** While a person is asked, heartbeats renew the lease and show the question to people who wait for the job. */
  setAsking(isAsking: boolean): void {
    this.#isAsking = isAsking;
    if (!isAsking) return;
    this.startHeartbeats();
    void this.#heartbeats?.beatNow();
  }

  /** Sends heartbeats until the result is acknowledged, and obeys the answers of the server. */
  startHeartbeats(): void {
    const { service, heartbeatMs, isDraining } = this.#context;
    this.#heartbeats ??= new HeartbeatLoop({
      service,
      held: this.held,
      intervalMs: heartbeatMs,
      isDraining,
      isAsking: () => this.#isAsking,
      onBeat: (verdict) => this.#recordBeat(verdict?.expiresAt),
      onStop: (verdict) => this.stopSwitch.ask(stopReasonOf(verdict.reason)),
    });
  }

  /** Continues a lease from an earlier run, whose agent may still run. After this call, heartbeats renew the lease again. */
  async takeUp(): Promise<void> {
    const { shutdown } = this.#context;
    shutdown.addEventListener('abort', this.#onShutdown, { once: true });
    if (shutdown.aborted) this.#onShutdown();
    await this.#openSpool();
    await this.#takeUp();
    if (this.#verdict?.action === 'stop') this.stopSwitch.ask(stopReasonOf(this.#verdict.reason));
    this.startHeartbeats();
  }

  /** Asks the server now whether the lease is still valid. Settles when the server has answered or is unreachable. */
  async checkLease(): Promise<void> {
    await this.#heartbeats?.beatNow();
  }

  /** Call this when the spool has new data. */
  wakeUploads(): void {
    this.#openUploads(0).wake();
  }

  /** Cuts a result to the limits of the server and writes it to the disk, so that a restarted runner can deliver it. */
  async keep(result: ResultRecord): Promise<ResultRecord> {
    const fitted = await this.#fit(result);
    const spool = await this.#openSpool();
    await spool.setResult(fitted).catch((error: unknown) => {
      // Report the message only once, because otherwise each round of the recovery would repeat it.
      if (!this.#origin.isLeft)
        this.#context.reporter.warn(`The result is not on disk yet: ${messageOf(error)}`);
    });
    return fitted;
  }

  /** Delivers the result, or leaves it in the spool for later. In both cases this run is finished with the lease. */
  async deliver(unkept: ResultRecord, limit: DeliveryLimit = untilGivenUp(this.#context)): Promise<Delivery> {
    const { service, env, reporter } = this.#context;
    const { held } = this;
    try {
      const silence = this.#origin.isLeft ? await this.#takeUp() : undefined;
      if (silence !== undefined) return { kind: 'pending', message: silence };
      const result = this.#origin.isLeft ? unkept : await this.keep(unkept);
      const { spool } = this;
      const uploads = this.#openUploads(0);
      const onUnavailable = (message: string, attempt: number) => {
        if (attempt === 2) reporter.warn(`The result of ${held.jobId} waits for the server: ${message}`);
      };
      const { signal, isOnce } = limit;
      return await deliver({ service, held, spool, uploads, result, env, signal, isOnce, onUnavailable });
    } finally {
      limit.dispose?.();
      await this.close();
    }
  }

  /** Returns an unstarted job to the queue and deletes its local data. Returns whether the server has already queued it. */
  async putBack(reason: ReleaseReason): Promise<boolean> {
    await this.#heartbeats?.stop();
    const isReleased = await putBack({ service: this.#context.service, held: this.held, reason });
    await this.abandon();
    return isReleased;
  }

  /** Deletes the local data of a job that was never started here. */
  async abandon(): Promise<void> {
    await this.close();
    await this.#spool?.remove();
  }

  /** Stops all requests and closes the files. The files stay on the disk. */
  async close(): Promise<void> {
    this.#context.shutdown.removeEventListener('abort', this.#onShutdown);
    await this.#heartbeats?.stop();
    await this.#uploads?.stop();
    await this.#spool?.close();
  }

  /** Asks the server first, so that a job that became `lost` while this machine was unreachable can resume under its lease. */
  async #takeUp(): Promise<string | undefined> {
    const { service, isDraining } = this.#context;
    const beat = await service.heartbeat(this.held, isDraining());
    if (beat.kind === 'unavailable' || beat.kind === 'unauthenticated') return beat.message;
    this.#verdict = beat.kind === 'ok' ? beat.value.verdict : undefined;
    const spool = await this.#openSpool();
    const received = await askReceived(service, this.held);
    // After a power cut, the server may have chunks that this disk lost. Their numbers must not be used again.
    spool.skipTo(received);
    this.#openUploads(received);
    return undefined;
  }

  async #openSpool(): Promise<LeaseSpool> {
    this.#spool ??= await LeaseSpool.open(this.folder);
    return this.#spool;
  }

  async #fit(unfit: ResultRecord): Promise<ResultRecord> {
    const result = redactResult(unfit, this.#context.secrets);
    if (result.content === undefined) return result;
    const spool = await this.#openSpool();
    const keep = (name: string, text: string) => spool.keepAnswer(this.#context.env, name, text);
    return { ...result, content: await fitContent(result.content, this.held, keep) };
  }

  #openUploads(received: number): UploadLoop {
    this.#uploads ??= new UploadLoop({
      service: this.#context.service,
      held: this.held,
      chunksPath: this.spool.chunksPath,
      received,
      askLease: async () => (this.#heartbeats === undefined ? this.#verdict : this.#heartbeats.beatNow()),
    });
    return this.#uploads;
  }

  /** Only people read the local records, so a record that cannot be written must not end a job. */
  async #recordBeat(expiresAt: string | undefined): Promise<void> {
    const { local, reporter } = this.#context;
    try {
      await local.recordBeat(this.#origin.linked, { held: this.held, expiresAt });
    } catch (error) {
      reporter.warn(`A heartbeat could not be recorded: ${messageOf(error)}`);
    }
  }
}
