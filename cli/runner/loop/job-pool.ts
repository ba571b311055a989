/**
 * The jobs that this process works on. Two jobs never run in one agent session, and a repository has one running job unless
 * the person allows more. Before it claims, the loop asks the pool which repositories are free. A claimed job then waits in
 * the pool until its place is free, because this machine may choose another place than the server expected.
 */

import { isRouteable } from '../../../spec/local/session-order.ts';
import { settledOr } from '../../base/pause.ts';
import { linkFolder } from '../../git/repository.ts';
import type { JobEnd } from '../job/job-report.ts';
import type { WorkContext } from '../job/work-context.ts';
import { type PlacedClaim, type Placement, type Workplace, workplaceOf } from '../job/workplace.ts';
import { JobLease } from '../lease/job-lease.ts';
import { describePutBack } from '../lease/lease-moves.ts';

export interface PoolRules {
  maxJobs: number;
  /** Allows several jobs in one repository, each in its own session. */
  parallelInRepo: boolean;
}

export interface PoolHooks {
  /** Called when the first job begins. */
  onBusy?(): void;
  /** Called when the last job has ended. */
  onIdle?(): void;
  /** Called when there may be room for another job. */
  onFreed?(): void;
}

/** A job in the pool. The live line also shows its fields. */
export interface RunningJob {
  readonly lease: JobLease;
  readonly placement: Placement;
  /** Start time on the monotonic clock. */
  readonly beganAt: number;
}

/** A job that ended because of a local error such as a full disk. Its files wait for the recovery. */
export interface FailedWork {
  kind: 'could_not_work';
  error: unknown;
}

/** How a job left the pool. */
export type JobOutcome = JobEnd | FailedWork;

interface Slot extends RunningJob {
  /** True if the job has its repository and session for itself. */
  hasPlace: boolean;
}

export interface PoolOptions {
  rules: PoolRules;
  /** Aborts when no further job may begin. */
  draining: AbortSignal;
  hooks?: PoolHooks;
}

export class JobPool {
  readonly #context: WorkContext;
  readonly #options: PoolOptions;
  readonly #slots = new Set<Slot>();
  #failure: FailedWork | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(context: WorkContext, options: PoolOptions) {
    this.#context = context;
    this.#options = options;
  }

  get jobs(): readonly RunningJob[] {
    return [...this.#slots];
  }

  /**
   * The jobs that would be stopped if the runner ended. Excludes jobs that a person is asked about, because they do not run
   * yet.
   */
  get jobsAtWork(): string[] {
    return this.jobs.filter(({ lease }) => !lease.isAsking).map(({ lease }) => lease.held.jobId);
  }

  get isFull(): boolean {
    return this.#slots.size >= this.#options.rules.maxJobs;
  }

  /** Returns the repositories that can take another job now. The loop claims only for these. */
  freeAmong(workplaces: readonly Workplace[]): Workplace[] {
    const slots = [...this.#slots];
    const sessions = new Set(slots.map((slot) => sessionOf(slot.placement)));
    return workplaces.filter((workplace) => {
      const here = slots.filter((slot) => repositoryOf(slot.placement) === keyOf(workplace));
      if (here.length === 0) return true;
      if (!this.#options.rules.parallelInRepo) return false;
      // Excludes the repository of a job that is not started yet, because a poll for this repository would return the same job again.
      if (here.some(({ lease }) => !lease.isStarted)) return false;
      return workplace.sessions.some(
        (session) => isRouteable(session) && !sessions.has(session.codex_session_id),
      );
    });
  }

  /** Runs a claimed job as soon as its place is free. Settles when the job has ended, and never rejects. */
  async work(placed: PlacedClaim, run: (lease: JobLease) => Promise<JobEnd>): Promise<JobOutcome> {
    const { claim, placement } = placed;
    const lease = JobLease.claimed(this.#context, claim, workplaceOf(placement));
    const slot: Slot = { lease, placement, beganAt: performance.now(), hasPlace: false };
    const { hooks } = this.#options;
    if (this.#slots.size === 0) hooks?.onBusy?.();
    this.#slots.add(slot);
    void lease.started.then(() => this.#noteStart());
    const outcome = await this.#workIn(slot, run);
    if (outcome.kind === 'could_not_work') this.#failure = outcome;
    this.#slots.delete(slot);
    this.#change();
    if (this.#slots.size === 0) hooks?.onIdle?.();
    return outcome;
  }

  /** Returns the last failure since the previous call, or undefined. */
  takeFailure(): FailedWork | undefined {
    const failure = this.#failure;
    this.#failure = undefined;
    return failure;
  }

  /** Settles when there may be more room than now. */
  changed(): Promise<void> {
    return this.#changed.promise;
  }

  /** Settles when the pool is empty. */
  async settled(): Promise<void> {
    while (this.#slots.size > 0) await this.changed();
  }

  /** Asks the server about the lease of one job, or about all leases if the job is unknown. */
  async checkLeases(jobId?: unknown): Promise<void> {
    const meant = this.jobs.filter(({ lease }) => typeof jobId !== 'string' || lease.held.jobId === jobId);
    await Promise.all(meant.map(({ lease }) => lease.checkLease()));
  }

  async #workIn(slot: Slot, run: (lease: JobLease) => Promise<JobEnd>): Promise<JobOutcome> {
    const { lease } = slot;
    try {
      if (!(await this.#takePlace(slot))) return await this.#putBack(lease);
      await lease.begin();
      return await run(lease);
    } catch (error) {
      await lease.close().catch(() => undefined);
      return { kind: 'could_not_work', error };
    }
  }

  /** Returns a job to the queue because the runner exits before the job began. */
  async #putBack(lease: JobLease): Promise<JobEnd> {
    const isReleased = await lease.putBack('shutting_down');
    this.#context.reporter.info(describePutBack(lease.held.jobId, isReleased));
    return { kind: 'put_back' };
  }

  /**
   * Waits until the session and the repository are free. Returns false if the runner exits first. The lease is not renewed
   * during the wait, so a job that waits too long goes back to the queue, where another machine may take it.
   */
  async #takePlace(slot: Slot): Promise<boolean> {
    const { draining } = this.#options;
    while (!draining.aborted && this.#isTaken(slot)) await settledOr(this.changed(), draining);
    if (draining.aborted) return false;
    slot.hasPlace = true;
    return true;
  }

  #isTaken({ placement }: Slot): boolean {
    const session = sessionOf(placement);
    if (session === undefined) return false;
    return [...this.#slots].some((other) => {
      if (!other.hasPlace) return false;
      if (sessionOf(other.placement) === session) return true;
      const isSameRepository = repositoryOf(other.placement) === repositoryOf(placement);
      return !this.#options.rules.parallelInRepo && isSameRepository;
    });
  }

  /** With several jobs per repository, a started job makes room for the next claim. */
  #noteStart(): void {
    if (this.#options.rules.parallelInRepo) this.#change();
  }

  #change(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers();
    resolve();
    this.#options.hooks?.onFreed?.();
  }
}

/** The key of a repository. Two roots inside one checkout share their link state, so they have the same key. */
function keyOf(workplace: Workplace): string {
  return linkFolder(workplace.linked.repository);
}

function repositoryOf(placement: Placement): string | undefined {
  return placement.kind === 'placed' ? keyOf(placement.workplace) : undefined;
}

function sessionOf(placement: Placement): string | undefined {
  return placement.kind === 'placed' ? placement.codexSessionId : undefined;
}
