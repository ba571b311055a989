/**
 * The jobs that this process works on, and what keeps them apart: never two in one agent session, and one per repository
 * unless the person allows more. The loop asks the pool which repositories are free before it claims. A claimed job then waits
 * in the pool for its place, because the place that this machine chooses may differ from the one that the server saw.
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
  /** Several jobs in one repository, each in a session of its own. */
  parallelInRepo: boolean;
}

export interface PoolHooks {
  /** The first job begins: the machine is at work. */
  onBusy?(): void;
  /** The last job ended. */
  onIdle?(): void;
  /** There may be room for another job. */
  onFreed?(): void;
}

/** A job in the pool; its fields are for the live line, too. */
export interface RunningJob {
  readonly lease: JobLease;
  readonly placement: Placement;
  /** On the monotonic clock. */
  readonly beganAt: number;
}

/** A full disk, a lost permission: what is on the disk of the job waits for the recovery. */
export interface FailedWork {
  kind: 'could_not_work';
  error: unknown;
}

/** How a job left the pool. */
export type JobOutcome = JobEnd | FailedWork;

interface Slot extends RunningJob {
  /** The job has its repository and session; nothing else runs there. */
  hasPlace: boolean;
}

export interface PoolOptions {
  rules: PoolRules;
  /** Aborts when no job may begin any more. */
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

  /** The jobs that the end of the runner would stop; a job that a person is asked about does not run yet. */
  get jobsAtWork(): string[] {
    return this.jobs.filter(({ lease }) => !lease.isAsking).map(({ lease }) => lease.held.jobId);
  }

  get isFull(): boolean {
    return this.#slots.size >= this.#options.rules.maxJobs;
  }

  /** The repositories that can take another job right now: the loop claims only for these. */
  freeAmong(workplaces: readonly Workplace[]): Workplace[] {
    const slots = [...this.#slots];
    const sessions = new Set(slots.map((slot) => sessionOf(slot.placement)));
    return workplaces.filter((workplace) => {
      const here = slots.filter((slot) => repositoryOf(slot.placement) === keyOf(workplace));
      if (here.length === 0) return true;
      if (!this.#options.rules.parallelInRepo) return false;
      // The server hands out a claim that is not started again, to the next poll for its repository.
      if (here.some(({ lease }) => !lease.isStarted)) return false;
      return workplace.sessions.some(
        (session) => isRouteable(session) && !sessions.has(session.codex_session_id),
      );
    });
  }

  /** Works on a claimed job as soon as it has its place. Settles when the job is over, and never rejects. */
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

  /** The last job that could not be worked on since this was asked; undefined when there is none. */
  takeFailure(): FailedWork | undefined {
    const failure = this.#failure;
    this.#failure = undefined;
    return failure;
  }

  /** Settles when there may be more room than at this call. */
  changed(): Promise<void> {
    return this.#changed.promise;
  }

  /** Settles when no job is left. */
  async settled(): Promise<void> {
    while (this.#slots.size > 0) await this.changed();
  }

  /** Asks the server about the lease of one job, or of all when it is not known which. */
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

  /** The runner was asked to leave before the job began. */
  async #putBack(lease: JobLease): Promise<JobEnd> {
    const isReleased = await lease.putBack('shutting_down');
    this.#context.reporter.info(describePutBack(lease.held.jobId, isReleased));
    return { kind: 'put_back' };
  }

  /**
   * Waits until no other job is in the session or the repository; false when the runner leaves first. Meanwhile the lease is
   * not renewed: a job that waits too long goes back to the queue, where another machine may take it.
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

  /** Only with several jobs in one repository a job that has started makes room for another one. */
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

/** Two roots inside one checkout share their link state: they are one repository. */
function keyOf(workplace: Workplace): string {
  return linkFolder(workplace.linked.repository);
}

function repositoryOf(placement: Placement): string | undefined {
  return placement.kind === 'placed' ? keyOf(placement.workplace) : undefined;
}

function sessionOf(placement: Placement): string | undefined {
  return placement.kind === 'placed' ? placement.codexSessionId : undefined;
}
