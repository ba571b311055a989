/**
 * One claimed job, from its lease on the disk to the acknowledged result:
 *
 *   owner's rules → start → message → agent, with heartbeats and uploads → result on disk → delivered → synced
 *
 * Each failure becomes a result that is delivered under the lease, so no claimed job is dropped.
 */

import { type ReleaseReason, releaseSentence } from '../../../spec/job/release.ts';
import { messageOf } from '../../base/exit.ts';
import type { LinkableRepository } from '../../git/repository.ts';
import type { PolicyLimits } from '../../policy/owner-policy.ts';
import { readRuntime } from '../../records/runtime-record.ts';
import { neverRan, runPrompt } from '../agent-run/prompt-run.ts';
import type { JobEnd, JobReport } from '../job/job-report.ts';
import { failedResult, stopSentence } from '../job/result.ts';
import type { JobVerdict, WorkContext } from '../job/work-context.ts';
import { type PlacedClaim, type Placement, workplaceOf } from '../job/workplace.ts';
import type { JobLease } from '../lease/job-lease.ts';
import { describePutBack } from '../lease/lease-moves.ts';
import type { StopReason } from '../process/stop-switch.ts';
import type { ResultRecord } from '../spool/records.ts';
import { JobRecords } from './job-records.ts';
import { blankReport, endingOf } from './job-summary.ts';
import { RuntimeFile } from './runtime-file.ts';
import { SessionWatches } from './session-watches.ts';

/** The paths that all jobs of a runner share. */
export interface JobPlaces {
  /** The root of `--repo-root`. Paths inside it are shown relative to it. */
  root: string;
  /** The repository whose `runtime.json` is used if no repository matched: the first git root among the candidates. */
  fallbackRepository: LinkableRepository;
}

/**
 * Returns the function that runs one job under its lease. Failures of the network, the server or the agent never reject it.
 */
export function jobRuns(context: WorkContext, places: JobPlaces) {
  const runtimeFile = new RuntimeFile();
  const watches = new SessionWatches();
  return (lease: JobLease, placed: PlacedClaim): Promise<JobEnd> =>
    new JobRun(context, { ...places, ...placed, lease, runtimeFile, watches }).run();
}

interface JobTask extends JobPlaces, PlacedClaim {
  lease: JobLease;
  /** Writes `runtime.json`; shared by all jobs of this process. */
  runtimeFile: RuntimeFile;
  /** Shared by all jobs of this process. */
  watches: SessionWatches;
}

type Placed = Extract<Placement, { kind: 'placed' }>;

class JobRun {
  readonly #context: WorkContext;
  readonly #task: JobTask;
  readonly #lease: JobLease;
  readonly #repository: LinkableRepository;
  readonly #records: JobRecords;
  readonly #report: JobReport;
  readonly #beganAt = performance.now();

  constructor(context: WorkContext, task: JobTask) {
    const { lease, placement, fallbackRepository, runtimeFile, root } = task;
    const repository = workplaceOf(placement)?.linked.repository ?? fallbackRepository;
    this.#context = context;
    this.#task = task;
    this.#lease = lease;
    this.#repository = repository;
    this.#records = new JobRecords(context, { runtimeFile, repository, held: lease.held });
    this.#report = blankReport(task, { root, repository });
  }

  async run(): Promise<JobEnd> {
    const { claim, placement, watches } = this.#task;
    const { reporter } = this.#context;
    watches.end(claim.job.id);
    if (placement.kind !== 'placed') reporter.info(`Job ${claim.job.id} cannot run here: ${placement.error}`);
    // The job does not wait for the records, because only people read them. They are written in order.
    void this.#records.claim(claim);
    const verdict = await this.#review(placement);
    if (verdict.kind === 'unanswered') return this.#putBack('question_unanswered');
    if (verdict.kind === 'stopped') return this.#endUnstarted(verdict.reason);
    const start = await this.#lease.start();
    if (start.kind === 'refused') return this.#giveUp(start.message);
    if (start.kind === 'unanswered') return this.#reportThatNothingRan(start.message);
    this.#report.startResponse = start.body;
    if (verdict.kind === 'refused') return this.#deliver(verdict.result);
    if (placement.kind !== 'placed') return this.#deliver(failedPlacement(placement));

    reporter.info(describeBegin(claim.job.id, placement));
    const result = await this.#conclude(placement, verdict.limits);
    if (result.outcome === 'completed') await this.#touch(placement);
    return this.#deliver(result);
  }

  /**
   * Checks the job against the owner's policy, and asks a person if the policy requires it. The runner has not yet reported the start of
   * the job to the server.
   */
  async #review(placement: Placement): Promise<JobVerdict> {
    if (placement.kind !== 'placed') return { kind: 'refused', result: failedPlacement(placement) };
    try {
      const verdict = await this.#context.gate?.(this.#task.claim.job, placement, this.#lease);
      return verdict ?? { kind: 'passed', limits: { settings: {} } };
    } catch (error) {
      return { kind: 'refused', result: couldNotWork(error) };
    }
  }

  /** Returns the result of the agent, or the reason why the agent did not run. */
  async #conclude(placement: Placed, limits: PolicyLimits): Promise<ResultRecord> {
    try {
      return await this.#workIn(placement, limits);
    } catch (error) {
      return couldNotWork(error);
    }
  }

  async #workIn(placement: Placed, policy: PolicyLimits): Promise<ResultRecord> {
    const { session, codexSessionId } = placement;
    const { held } = this.#lease;
    void this.#records.start(placement);
    const meta = { orpSessionId: session.orp_session_id, codexSessionId, leaseId: held.leaseId ?? null };
    // The agent starts without waiting for the answer of the server. If this request is lost, the sentence is sent later with the output
    // from the spool.
    const announced = this.#lease
      .announce(`Prompt is going to ${session.label}.`, meta)
      .catch(() => undefined);

    const { agent, project_root: cwd } = session;
    const target = { job: this.#task.claim.job, codexSessionId, agent, cwd, policy };
    const { result, worker, wasAttempted } = await runPrompt(this.#context, this.#lease, target);
    if (wasAttempted) this.#report.heartbeatError = this.#lease.heartbeatError;
    this.#report.messageResponse = (await announced) ?? null;
    if (worker !== undefined) this.#report.worker = worker;
    return result;
  }

  async #touch(placement: Placed): Promise<void> {
    const shown = await this.#records.touch(placement, this.#task.root);
    if (shown !== undefined) this.#report.selectedSession = shown;
  }

  /** The server may have recorded the start. Without this result the job would stay `lost` and keep its session reserved. */
  #reportThatNothingRan(message: string): Promise<JobEnd> {
    const error = `The server did not answer the start of the job, so nothing ran: ${message}`;
    return this.#deliver(failedResult('agent_error', error, new Date()));
  }

  /** Returns the job to the queue, because no person answered the question. */
  async #putBack(reason: ReleaseReason): Promise<JobEnd> {
    const isReleased = await this.#lease.putBack(reason);
    const { jobId } = this.#lease.held;
    const error = `${releaseSentence(reason, undefined)} ${describePutBack(jobId, isReleased)}`;
    this.#context.reporter.info(error);
    await this.#records.finish({ status: 'retried', error });
    return { kind: 'put_back' };
  }

  /** Ends a job that was stopped before it started. */
  async #endUnstarted(reason: StopReason): Promise<JobEnd> {
    const { leaseId } = this.#lease.held;
    if (reason.kind === 'shutdown' && leaseId !== undefined) return this.#putBack('shutting_down');
    if (reason.kind === 'lease_lost') return this.#giveUp(stopSentence(reason));
    return this.#deliver(neverRan(reason));
  }

  /** Drops the job: this runner no longer has the lease, nothing ran, and nothing is kept. */
  async #giveUp(message: string): Promise<JobEnd> {
    await this.#lease.abandon();
    const error = `The job was not started: ${message}`;
    await this.#records.finish({ status: 'failed', error });
    return this.#close({ error });
  }

  async #deliver(result: ResultRecord): Promise<JobEnd> {
    const delivery = await this.#lease.deliver(result);
    const { outcome, finished, error } = endingOf(result, delivery);
    this.#report.outcome = outcome;
    this.#report.tookMs = performance.now() - this.#beganAt;
    await this.#records.finish(finished);
    const { logsReply, heartbeatError } = this.#lease;
    if (this.#report.worker) this.#report.logsResponse = logsReply ?? null;
    if (this.#report.heartbeatError !== undefined) this.#report.heartbeatError = heartbeatError;
    this.#report.completeResponse = delivery.kind === 'delivered' ? delivery.body : null;
    if (delivery.kind === 'delivered' && delivery.isReleased) this.#askWhenFree(result);
    if (error !== undefined) return this.#close({ error });
    await this.#sync();
    return this.#close({ ok: true });
  }

  /** The session was in use. Tells the server when the session is free, so that it can hand out the job again. */
  #askWhenFree({ release }: ResultRecord): void {
    const { placement, watches } = this.#task;
    if (release?.reason !== 'session_in_use' || placement.kind !== 'placed') return;
    const { agents, service, shutdown, reporter } = this.#context;
    const { held } = this.#lease;
    const isFree = async (signal: AbortSignal): Promise<boolean> => {
      const sessions = (await agents.find(placement.session.agent))?.sessions;
      const until = AbortSignal.any([shutdown, signal]);
      return (await sessions?.untilFree(placement.codexSessionId, until)) === true;
    };
    void watches.watch(held.jobId, isFree, async () => {
      reporter.info(`The session of job ${held.jobId} is free.`);
      await service.release(held, { reason: release.reason, message: release.message, retryAfterMs: 0 });
    });
  }

  /** Syncs after the result, so that a sync can neither delay nor prevent the delivery of the result. */
  async #sync(): Promise<void> {
    this.#report.syncResult = null;
    this.#report.syncError = '';
    try {
      this.#report.syncResult = await this.#context.local.sync();
    } catch (error) {
      this.#report.syncError = messageOf(error);
    }
  }

  #close(end: { ok?: boolean; error?: string }): JobEnd {
    const { runtime } = readRuntime(this.#repository);
    return { kind: 'reported', report: { ...this.#report, ...end, endedAt: Date.now(), runtime } };
  }
}

function describeBegin(jobId: string, { session, workplace }: Placed): string {
  return `Working on job ${jobId} in ${session.label} (${workplace.root}).`;
}

/** The result for a local error such as a full disk. The lease is still valid, so the server gets a result. */
function couldNotWork(error: unknown): ResultRecord {
  return failedResult('agent_error', `The runner could not work on it: ${messageOf(error)}`, new Date());
}

function failedPlacement(placement: Exclude<Placement, { kind: 'placed' }>): ResultRecord {
  return failedResult(placement.kind, placement.error, new Date());
}
