/**
 * Everything that is at work on one lease: the spool, the uploads, the heartbeats, and the switch that stops the agent.
 * Opening it puts the intent on the disk; from then on a restarted runner knows of the job.
 */

import { join } from 'node:path';
import type { ReleaseReason } from '../../../spec/job/release.ts';
import { timerMs } from '../../base/pause.ts';
import { parseTimestamp } from '../../files/timestamps.ts';
import type { Account } from '../../records/remote-session.ts';
import { recordHeartbeat } from '../../records/runtime.ts';
import type { ClaimedJob, Lease } from '../job/claimed-job.ts';
import type { Held, JsonBody } from '../job/hosted-api.ts';
import { fitContent } from '../job/result.ts';
import type { WorkContext } from '../job/work-context.ts';
import type { Workplace } from '../job/workplace.ts';
import { StopSwitch, stopReasonOf } from '../process/stop-switch.ts';
import { redactResult, redactText } from '../redaction/redact.ts';
import { keepAnswer, LeaseSpool } from '../spool/lease-spool.ts';
import { folderName, spoolFolder } from '../spool/places.ts';
import type { ResultRecord } from '../spool/records.ts';
import { type Delivery, deliver } from './delivery.ts';
import { HeartbeatLoop } from './heartbeat-loop.ts';
import { putBack } from './put-back.ts';
import { UploadLoop } from './upload-loop.ts';

/** A claimed job and where it goes. */
export interface LeaseTask {
  job: ClaimedJob;
  lease: Lease | undefined;
  /** Under whose sign-in it was claimed. */
  account?: Account | undefined;
  workplace: Workplace | undefined;
}

/** After the person asked twice, results may still leave within this time. */
const SHUTDOWN_DELIVERY_MS = 10_000;

export class JobLease {
  readonly held: Held;
  readonly spool: LeaseSpool;
  readonly stopSwitch = new StopSwitch();
  readonly #context: WorkContext;
  readonly #task: LeaseTask;
  #heartbeats: HeartbeatLoop | undefined;
  #uploads: UploadLoop | undefined;
  #isAsking = false;

  private constructor(context: WorkContext, task: LeaseTask, spool: LeaseSpool) {
    this.#context = context;
    this.#task = task;
    this.held = heldOf(task);
    this.spool = spool;
  }

  /** Opens the spool and writes down which job this is. */
  static async open(context: WorkContext, task: LeaseTask): Promise<JobLease> {
    const { machine, service, self } = context;
    const { job, lease, account, workplace } = task;
    const spool = await LeaseSpool.begin(spoolFolderOf(context, task), {
      record: 'claimed',
      version: 1,
      at_utc: new Date().toISOString(),
      base_url: service.baseUrl,
      account: account && { user_id: account.userId, email: account.email },
      machine_id: machine.machine_id,
      job_id: job.id,
      job_kind: job.kind,
      lease_id: lease?.leaseId,
      checkpoint_id: job.checkpointId,
      attempt: job.attempt,
      repo_root: workplace?.root,
      orp_session_id: job.orpSessionId,
      runner: { pid: self.pid, start_time: self.startTime },
    });
    return new JobLease(context, task, spool);
  }

  /** The last error of a heartbeat; blank when none failed. */
  get heartbeatError(): string {
    return this.#heartbeats?.lastError ?? '';
  }

  /** The last answer to an upload of output. */
  get logsReply(): JsonBody | undefined {
    return this.#uploads?.lastReply;
  }

  /** Adds a sentence of the runner to the transcript, and sends it in the words of the contract. */
  async announce(content: string, meta: Record<string, string | null>): Promise<JsonBody | undefined> {
    const at = new Date().toISOString();
    const shown = redactText(content, this.#context.secrets);
    await this.spool.addChunk({ at, stream: 'system', level: 'info', text: `${shown}\n` });
    const seq = this.spool.lastSeq;
    const reply = await this.#context.service.addMessage(this.held, { seq, at, content: shown, meta });
    // An answer that did not come costs nothing: the sentence is in the spool like everything else.
    this.#openUploads(reply.kind === 'ok' ? seq : seq - 1);
    return reply.kind === 'ok' ? reply.value : undefined;
  }

  /** A person at this machine is being asked whether the job may run. */
  get isAsking(): boolean {
    return this.#isAsking;
  }

  /** While a person is asked, heartbeats keep the lease and say so to whoever waits for the job. */
  setAsking(isAsking: boolean): void {
    this.#isAsking = isAsking;
    if (!isAsking) return;
    this.startHeartbeats();
    void this.#heartbeats?.beatNow();
  }

  /** Until the result is acknowledged the lease is kept, and what it is told is heard. */
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

  /** Somebody says that this lease may be gone: the service is asked now. Settles when it answered, or could not. */
  async checkLease(): Promise<void> {
    await this.#heartbeats?.beatNow();
  }

  /** There is something new in the spool. */
  wakeUploads(): void {
    this.#openUploads(0).wake();
  }

  /** Brings the result to the service, or leaves it in the spool for later. */
  async deliver(result: ResultRecord): Promise<Delivery> {
    const { service, env, shutdown, deliveryLimitMs, reporter } = this.#context;
    const { spool, held } = this;
    const end = endOfDelivery(shutdown, deliveryLimitMs);
    try {
      const fitted = await this.#fit(result);
      await spool
        .setResult(fitted)
        .catch((error: Error) => reporter.warn(`The result is not on disk yet: ${error.message}`));
      const uploads = this.#openUploads(0);
      const onUnavailable = (message: string, attempt: number) => {
        if (attempt === 2) reporter.warn(`The result of ${held.jobId} waits for the service: ${message}`);
      };
      return await deliver({
        service,
        held,
        spool,
        uploads,
        result: fitted,
        env,
        signal: end.signal,
        onUnavailable,
      });
    } finally {
      end.dispose();
      await this.#heartbeats?.stop();
    }
  }

  /** The job was not started: it is given back, and nothing of it is kept. Returns whether it is in the queue already. */
  async putBack(reason: ReleaseReason): Promise<boolean> {
    await this.#heartbeats?.stop();
    const isReleased = await putBack({ service: this.#context.service, held: this.held, reason });
    await this.abandon();
    return isReleased;
  }

  /** The job was never started here: nothing of it is kept. */
  async abandon(): Promise<void> {
    await this.#heartbeats?.stop();
    await this.#uploads?.stop();
    await this.spool.remove();
  }

  async #fit(unfit: ResultRecord): Promise<ResultRecord> {
    const result = redactResult(unfit, this.#context.secrets);
    if (result.content === undefined) return result;
    const keep = (name: string, text: string) => keepAnswer(this.#context.env, name, text);
    return { ...result, content: await fitContent(result.content, this.held, keep) };
  }

  #openUploads(received: number): UploadLoop {
    this.#uploads ??= new UploadLoop({
      service: this.#context.service,
      held: this.held,
      chunksPath: this.spool.chunksPath,
      received,
      askLease: async () => this.#heartbeats?.beatNow(),
    });
    return this.#uploads;
  }

  /** Local records are for people to look at; failing to write one must not end a job. */
  async #recordBeat(expiresAt: string | undefined): Promise<void> {
    const { local, reporter } = this.#context;
    const linked = this.#task.workplace?.linked;
    try {
      await local.recordBeat(linked);
      if (linked === undefined) return;
      const leaseExpiresAt = expiresAt === undefined ? undefined : parseTimestamp(expiresAt);
      await recordHeartbeat(linked.repository, { ...this.held, leaseExpiresAt }, Date.now());
    } catch (error) {
      reporter.warn(
        `A heartbeat could not be recorded: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
}

/** Where the spool of a claimed job is: nobody else may take it for left behind. */
export function spoolFolderOf(
  { env, machine }: Pick<WorkContext, 'env' | 'machine'>,
  { job, lease }: Pick<LeaseTask, 'job' | 'lease'>,
): string {
  return join(spoolFolder(env, machine.machine_id), folderName(lease?.leaseId ?? job.id));
}

/** Under whose sign-in and lease the job is held. */
export function heldOf({ job, lease, account }: Pick<LeaseTask, 'job' | 'lease' | 'account'>): Held {
  return {
    jobId: job.id,
    leaseId: lease?.leaseId,
    ...(job.checkpointId === undefined ? {} : { checkpointId: job.checkpointId }),
    ...(account === undefined ? {} : { account }),
  };
}

/** Aborts after the limit, or a while after the shutdown. */
function endOfDelivery(shutdown: AbortSignal, limitMs: number): { signal: AbortSignal; dispose(): void } {
  const end = new AbortController();
  const timers = [setTimeout(() => end.abort(), timerMs(limitMs))];
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
