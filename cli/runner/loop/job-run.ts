/**
 * One claimed job, from the claim to the acknowledged result:
 *
 *   intent on disk → owner's rules → start → message → agent, with heartbeats and uploads → result on disk → delivered → synced
 *
 * Whatever fails on the way becomes a result that is delivered under the lease; nothing that was claimed is dropped.
 */

import { LEASE_MS } from '../../../spec/job/lease.ts';
import { type ReleaseReason, releaseSentence } from '../../../spec/job/release.ts';
import { messageOf } from '../../base/exit.ts';
import { displayPath } from '../../files/paths.ts';
import type { LinkableRepository } from '../../git/repository.ts';
import { runtimePath } from '../../git/repository.ts';
import type { PolicyLimits } from '../../policy/owner-policy.ts';
import type { Account } from '../../records/remote-session.ts';
import type { FinishedWork } from '../../records/runtime.ts';
import { readRuntime } from '../../records/runtime-record.ts';
import { touchSession } from '../../records/sessions/sessions.ts';
import { showSession } from '../../records/sessions/shown-session.ts';
import { neverRan, runPrompt } from '../agent-run/prompt-run.ts';
import type { ClaimedJob, Lease } from '../job/claimed-job.ts';
import type { JsonBody } from '../job/hosted-api.ts';
import type { JobReport } from '../job/job-report.ts';
import { showPlacement } from '../job/placement-view.ts';
import { CANCELLED, failedResult, stopSentence } from '../job/result.ts';
import type { JobVerdict, WorkContext } from '../job/work-context.ts';
import type { Placement } from '../job/workplace.ts';
import type { Delivery } from '../lease/delivery.ts';
import { JobLease } from '../lease/job-lease.ts';
import { describePutBack } from '../lease/put-back.ts';
import { type Start, startLease } from '../lease/start-lease.ts';
import type { StopReason } from '../process/stop-switch.ts';
import type { ResultRecord } from '../spool/records.ts';
import type { RuntimeFile } from './runtime-file.ts';

export interface JobTask {
  job: ClaimedJob;
  /** As the service handed it out. */
  raw: JsonBody;
  lease: Lease | undefined;
  /** Under whose sign-in it was claimed. */
  account?: Account | undefined;
  placement: Placement;
  /** Of `--repo-root`: paths inside it are shown relative to it. */
  root: string;
  /** Where the runtime is recorded when no repository matched: the first git root among the candidates. */
  fallbackRepository: LinkableRepository;
  /** What `runtime.json` says; shared by all jobs of this process. */
  runtimeFile: RuntimeFile;
  /** Told as soon as the job can be stopped from outside. */
  onLease?(lease: JobLease): void;
  /** Told when the server has answered the start, also of a job that the policy refuses: it only ends with that reason. */
  onStarted?(isRefused: boolean): void;
}

/**
 * Works one job to its end; undefined when it was put back before anything of it ran. Never throws for what the network, the
 * service or the agent does.
 */
export async function runJob(context: WorkContext, task: JobTask): Promise<JobReport | undefined> {
  const lease = await JobLease.open(context, { ...task, workplace: workplaceOf(task) });
  task.onLease?.(lease);
  const onShutdown = () => lease.stopSwitch.ask({ kind: 'shutdown' });
  context.shutdown.addEventListener('abort', onShutdown, { once: true });
  if (context.shutdown.aborted) onShutdown();
  try {
    return await new JobRun(context, task, lease).run();
  } finally {
    context.shutdown.removeEventListener('abort', onShutdown);
  }
}

class JobRun {
  readonly #context: WorkContext;
  readonly #task: JobTask;
  readonly #lease: JobLease;
  readonly #repository: LinkableRepository;
  readonly #report: JobReport;
  readonly #beganAt = performance.now();

  constructor(context: WorkContext, task: JobTask, lease: JobLease) {
    this.#context = context;
    this.#task = task;
    this.#lease = lease;
    this.#repository = workplaceOf(task)?.linked.repository ?? task.fallbackRepository;
    this.#report = blankReport(task, this.#repository);
  }

  /** Undefined when the job was put back. */
  async run(): Promise<JobReport | undefined> {
    const { placement } = this.#task;
    await this.#recordClaim();
    const verdict = await this.#review(placement);
    if (verdict.kind === 'unanswered') return this.#putBack('question_unanswered');
    if (verdict.kind === 'stopped') return this.#endUnstarted(verdict.reason);
    const start = await this.#start();
    if (start.kind === 'refused') return this.#giveUp(start.message);
    if (start.kind === 'unanswered') return this.#tellThatNothingRan(start.message);
    this.#report.startResponse = start.body;
    this.#task.onStarted?.(verdict.kind === 'refused');
    this.#lease.startHeartbeats();

    const result =
      verdict.kind === 'refused' ? verdict.result : await this.#conclude(placement, verdict.limits);
    if (result.outcome === 'completed' && placement.kind === 'placed') await this.#touch(placement);
    const delivery = await this.#lease.deliver(result);
    return this.#finish(result, delivery);
  }

  /** What the owner's rules, or a person at this machine, say of the job. The server is not told that it has started yet. */
  async #review(placement: Placement): Promise<JobVerdict> {
    if (placement.kind !== 'placed') return { kind: 'refused', result: failedPlacement(placement) };
    try {
      const verdict = await this.#context.gate?.(this.#task.job, placement, this.#lease);
      return verdict ?? { kind: 'passed', limits: { settings: {} } };
    } catch (error) {
      return { kind: 'refused', result: couldNotWork(error) };
    }
  }

  /** The result of the agent, or of what kept it from running. */
  async #conclude(placement: Placement, limits: PolicyLimits): Promise<ResultRecord> {
    if (placement.kind !== 'placed') return failedPlacement(placement);
    try {
      return await this.#workIn(placement, limits);
    } catch (error) {
      return couldNotWork(error);
    }
  }

  #start(): Promise<Start> {
    const { service, shutdown, isDraining } = this.#context;
    const signal = AbortSignal.any([shutdown, AbortSignal.timeout(LEASE_MS)]);
    return startLease({ service, held: this.#lease.held, isDraining, signal });
  }

  async #workIn(
    placement: Extract<Placement, { kind: 'placed' }>,
    policy: PolicyLimits | undefined,
  ): Promise<ResultRecord> {
    const { session, codexSessionId } = placement;
    const { held } = this.#lease;
    await this.#tell(() =>
      this.#task.runtimeFile.start(this.#repository, held, {
        orpSessionId: session.orp_session_id,
        codexSessionId,
      }),
    );
    const meta = { orpSessionId: session.orp_session_id, codexSessionId, leaseId: held.leaseId ?? null };
    const answer = await this.#lease.announce(`Prompt is going to ${session.label}.`, meta);
    this.#report.messageResponse = answer ?? null;

    const target = { job: this.#task.job, codexSessionId, cwd: session.project_root, policy };
    const { result, worker, wasAttempted } = await runPrompt(this.#context, this.#lease, target);
    if (wasAttempted) this.#report.heartbeatError = this.#lease.heartbeatError;
    if (worker !== undefined) this.#report.worker = worker;
    return result;
  }

  /** The start may have taken effect: without this word the job would stay `lost`, and its session kept for it. */
  async #tellThatNothingRan(message: string): Promise<JobReport> {
    const error = `The start of the job was not answered, so nothing ran: ${message}`;
    const result = failedResult('agent_error', error, new Date());
    return this.#finish(result, await this.#lease.deliver(result));
  }

  /** Nobody decided about the job: it goes back to where it came from. */
  async #putBack(reason: ReleaseReason): Promise<undefined> {
    const isReleased = await this.#lease.putBack(reason);
    const error = `${releaseSentence(reason, undefined)} ${describePutBack(this.#task.job.id, isReleased)}`;
    this.#context.reporter.info(error);
    const { held } = this.#lease;
    await this.#tell(() =>
      this.#task.runtimeFile.finish(this.#repository, { ...held, status: 'retried', error }),
    );
  }

  /** It was stopped before it was started. */
  async #endUnstarted(reason: StopReason): Promise<JobReport | undefined> {
    const { leaseId } = this.#lease.held;
    if (reason.kind === 'shutdown' && leaseId !== undefined) return this.#putBack('shutting_down');
    if (reason.kind === 'lease_lost') return this.#giveUp(stopSentence(reason));
    const result = neverRan(reason);
    return this.#finish(result, await this.#lease.deliver(result));
  }

  /** The lease was not ours any more: nothing ran, and nothing is kept. */
  async #giveUp(message: string): Promise<JobReport> {
    await this.#lease.abandon();
    const error = `The job was not started: ${message}`;
    await this.#tell(() =>
      this.#task.runtimeFile.finish(this.#repository, { ...this.#lease.held, status: 'failed', error }),
    );
    return this.#close({ error });
  }

  async #finish(result: ResultRecord, delivery: Delivery): Promise<JobReport> {
    const error = errorOf(result, delivery);
    const isReleased = delivery.kind === 'delivered' && delivery.isReleased;
    const status = isReleased ? 'retried' : result.outcome;
    const finished: FinishedWork = { status, summary: result.summary, error };
    const isUndelivered = result.outcome === 'completed' && error !== undefined;
    this.#report.outcome = isReleased ? 'returned' : isUndelivered ? 'failed' : result.outcome;
    this.#report.tookMs = performance.now() - this.#beganAt;
    await this.#tell(() =>
      this.#task.runtimeFile.finish(this.#repository, { ...this.#lease.held, ...finished }),
    );
    const { logsReply, heartbeatError } = this.#lease;
    if (this.#report.worker) this.#report.logsResponse = logsReply ?? null;
    if (this.#report.heartbeatError !== undefined) this.#report.heartbeatError = heartbeatError;
    this.#report.completeResponse = delivery.kind === 'delivered' ? delivery.body : null;
    if (error !== undefined) return this.#close({ error });
    await this.#sync();
    return this.#close({ ok: true });
  }

  /** After the result, so that it neither delays nor endangers it. */
  async #sync(): Promise<void> {
    this.#report.syncResult = null;
    this.#report.syncError = '';
    try {
      this.#report.syncResult = await this.#context.local.sync();
    } catch (error) {
      this.#report.syncError = error instanceof Error ? error.message : String(error);
    }
  }

  #close(end: { ok?: boolean; error?: string }): JobReport {
    return { ...this.#report, ...end, endedAt: Date.now(), runtime: readRuntime(this.#repository).runtime };
  }

  #recordClaim(): Promise<void> {
    const { job, lease } = this.#task;
    return this.#tell(() =>
      this.#task.runtimeFile.claim(this.#repository, {
        job_id: job.id,
        job_kind: job.kind,
        lease_id: lease?.leaseId,
        checkpoint_id: job.checkpointId,
        idea_id: job.ideaId,
        world_id: job.worldId,
        project_root: job.projectRoot,
        lease_expires_at_utc: lease?.expiresAt,
      }),
    );
  }

  #touch({ session }: Extract<Placement, { kind: 'placed' }>): Promise<void> {
    return this.#tell(async () => {
      const touched = await touchSession(this.#repository, session.orp_session_id, Date.now());
      if (touched !== undefined) this.#report.selectedSession = showSession(this.#task.root, touched);
    });
  }

  /** Local records are for people to look at; failing to write one must not end a job. */
  async #tell(write: () => Promise<unknown>): Promise<void> {
    try {
      await write();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#context.reporter.warn(`The local record of ${this.#task.job.id} could not be written: ${why}`);
    }
  }
}

function workplaceOf({ placement }: JobTask) {
  return placement.kind === 'no_repository' ? undefined : placement.workplace;
}

/** A full disk, a lost permission: the lease is alive, so the service is told. */
function couldNotWork(error: unknown): ResultRecord {
  return failedResult('agent_error', `The runner could not work on it: ${messageOf(error)}`, new Date());
}

function failedPlacement(placement: Exclude<Placement, { kind: 'placed' }>): ResultRecord {
  return failedResult(placement.kind, placement.error, new Date());
}

/** Why the job did not end well; undefined when it did. */
function errorOf(result: ResultRecord, delivery: Delivery): string | undefined {
  if (delivery.kind === 'refused') {
    const kept =
      delivery.keptAt === undefined ? '' : ` What the agent answered is kept in ${delivery.keptAt}.`;
    return `The service did not take the result: ${delivery.message}${kept}`;
  }
  if (delivery.kind === 'pending') {
    return `The result could not be delivered yet (${delivery.message}); the next orp runner work delivers it.`;
  }
  if (result.outcome === 'completed') return undefined;
  if (delivery.isReleased) return `${result.error} The job is in the queue again.`;
  return result.error ?? (result.outcome === 'cancelled' ? CANCELLED : 'The job failed.');
}

function blankReport({ raw, lease, placement, root }: JobTask, repository: LinkableRepository): JobReport {
  return {
    ok: false,
    outcome: 'failed',
    endedAt: 0,
    tookMs: 0,
    job: raw,
    lease: { lease_id: lease?.leaseId ?? '', lease_expires_at_utc: lease?.expiresAt ?? '' },
    repoSelection: placement.repoSelection,
    ...showPlacement(placement, root),
    startResponse: null,
    ...(placement.kind === 'no_repository' ? {} : { messageResponse: null }),
    completeResponse: null,
    runtime: null,
    runtimePath: displayPath(root, runtimePath(repository)),
  };
}
