/**
 * The jobs that this process works on, and what keeps them apart: never two in one agent session, and one per repository
 * unless the person allows more. Whoever wants to claim asks here first what is free; whoever has claimed takes its place
 * here before anything starts, because the place that this machine chooses need not be the one that the service saw.
 */

import { isRouteable } from '../../../spec/local/session-order.ts';
import { settledOr } from '../../base/pause.ts';
import { linkFolder } from '../../git/repository.ts';
import type { Placement, Workplace } from '../job/workplace.ts';
import type { JobLease } from '../lease/job-lease.ts';

export interface CrewRules {
  maxJobs: number;
  /** Several jobs in one repository, each in a session of its own. */
  parallelInRepo: boolean;
}

/** What the crew is told from. */
export interface CrewHooks {
  /** The first job begins: the machine is at work. */
  onBusy?(): void;
  /** The last job ended. */
  onIdle?(): void;
  /** There may be room for another job. */
  onFreed?(): void;
}

/** A job at work; its fields are for the live line, too. */
export interface RunningJob {
  readonly jobId: string;
  /** The folder of its spool, which is nobody else's while the job is here. */
  readonly spoolFolder: string;
  readonly placement: Placement;
  /** On the monotonic clock. */
  readonly beganAt: number;
  lease: JobLease | undefined;
}

interface Seat extends RunningJob {
  /** Its repository and session are its own. */
  hasPlace: boolean;
  /** The service knows that it runs: it does not hand the job out again. */
  isStarted: boolean;
}

export class JobPool {
  readonly #rules: CrewRules;
  readonly #hooks: CrewHooks;
  readonly #seats = new Set<Seat>();
  #changed = Promise.withResolvers<void>();

  constructor(rules: CrewRules, hooks: CrewHooks = {}) {
    this.#rules = rules;
    this.#hooks = hooks;
  }

  get members(): readonly RunningJob[] {
    return [...this.#seats];
  }

  /** Those that somebody who ends the runner would stop; a job that a person is asked about does not run yet. */
  get jobsAtWork(): string[] {
    return this.members.filter(({ lease }) => lease?.isAsking !== true).map(({ jobId }) => jobId);
  }

  get isFull(): boolean {
    return this.#seats.size >= this.#rules.maxJobs;
  }

  /** The repositories that can take another job right now: only for these is a job claimed. */
  freeAmong(workplaces: readonly Workplace[]): Workplace[] {
    const seats = [...this.#seats];
    const sessions = new Set(seats.map((seat) => sessionOf(seat.placement)));
    return workplaces.filter((workplace) => {
      const here = seats.filter((seat) => repositoryOf(seat.placement) === keyOf(workplace));
      if (here.length === 0) return true;
      if (!this.#rules.parallelInRepo) return false;
      // A claim that is not started is handed out again to whoever asks for its repository.
      if (here.some((seat) => !seat.isStarted)) return false;
      return workplace.sessions.some(
        (session) => isRouteable(session) && !sessions.has(session.codex_session_id),
      );
    });
  }

  /** Takes a job in; `work` runs until it is over and does not reject. */
  add(
    job: Pick<RunningJob, 'jobId' | 'spoolFolder' | 'placement'>,
    work: (seat: Slot) => Promise<void>,
  ): Promise<void> {
    const seat: Seat = {
      ...job,
      beganAt: performance.now(),
      lease: undefined,
      hasPlace: false,
      isStarted: false,
    };
    if (this.#seats.size === 0) this.#hooks.onBusy?.();
    this.#seats.add(seat);
    return work(this.#handleOf(seat)).finally(() => {
      this.#seats.delete(seat);
      this.#change();
      if (this.#seats.size === 0) this.#hooks.onIdle?.();
    });
  }

  /** Settles when there may be more room than at this call. */
  changed(): Promise<void> {
    return this.#changed.promise;
  }

  /** Settles when no job is left. */
  async settled(): Promise<void> {
    while (this.#seats.size > 0) await this.changed();
  }

  /** Asks the service about the lease of one job, or of all when it is not known which. */
  async checkLeases(jobId?: unknown): Promise<void> {
    const meant = this.members.filter((member) => typeof jobId !== 'string' || member.jobId === jobId);
    await Promise.all(meant.map((member) => member.lease?.checkLease()));
  }

  #handleOf(seat: Seat): Slot {
    return {
      reserve: (signal) => this.#reserve(seat, signal),
      onLease: (lease) => {
        seat.lease = lease;
      },
      onStarted: () => {
        seat.isStarted = true;
        // Only there may a job that has started leave room for another one.
        if (this.#rules.parallelInRepo) this.#change();
      },
    };
  }

  /**
   * Waits until no other job is in the session or the repository. Meanwhile the lease is not renewed: a job that waits
   * too long goes back to the queue, from where another machine may take it.
   */
  async #reserve(seat: Seat, signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted && this.#isTaken(seat)) await settledOr(this.changed(), signal);
    if (signal.aborted) return false;
    seat.hasPlace = true;
    return true;
  }

  #isTaken({ placement }: Seat): boolean {
    const session = sessionOf(placement);
    if (session === undefined) return false;
    return [...this.#seats].some((other) => {
      if (!other.hasPlace) return false;
      if (sessionOf(other.placement) === session) return true;
      return !this.#rules.parallelInRepo && repositoryOf(other.placement) === repositoryOf(placement);
    });
  }

  #change(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers();
    resolve();
    this.#hooks.onFreed?.();
  }
}

/** What a job does with its seat. */
export interface Slot {
  /** False when the signal aborted first: nothing may start. */
  reserve(signal: AbortSignal): Promise<boolean>;
  onLease(lease: JobLease): void;
  onStarted(): void;
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
