/**
 * The live leases of one machine in the memory of its object, with exact deadlines. Heartbeats move a deadline without a
 * write to D1. Memory is only a cache: after a loss it is read again from D1, where a deadline may be too early, and from what
 * the object has kept.
 *
 * While D1 does not answer, no lease can be reclaimed, so the object continues with its memory, or, after a loss, with what it
 * has kept and with each lease that has output here. A lease that would have expired is extended by half a lease, repeatedly,
 * and the object stores the deadlines that it could not write to D1.
 */

import { isRenewalDue, LEASE_MS, leaseExpiry } from '../../spec/job/lease.ts';
import { isLeased } from '../../spec/job/status.ts';
import type { Deps } from '../base/deps.ts';
import { isPassingFailure } from '../base/failures.ts';
import type { LeaseNews, MachineOf } from '../base/machine-api.ts';
import { readHeld } from '../store/claim-reads.ts';
import { BRIEF_WAIT_MS } from '../store/database.ts';
import { noteAskingIfHeld, renewIfHeld, resumeIfLost } from '../store/job-moves.ts';
import type { JobRow } from '../store/job-row.ts';
import { findJob } from '../store/jobs.ts';

interface LiveLease {
  jobId: string;
  /** When the lease expires without another heartbeat. */
  deadline: number;
  /** The deadline that was last written to D1. */
  recordedUntil: number;
  /** True if D1 has recorded that a person is being asked about the job. */
  isAsking: boolean;
}

/** A heartbeat that names a lease. */
export interface Beat {
  jobId: string | undefined;
  leaseId: string;
  /** A person at the machine is being asked whether the job may run. */
  isAsking?: boolean;
}

/** A lease in the storage of the object. */
export interface Remembered {
  leaseId: string;
  jobId: string;
  /** The deadline that the object promised to the holder while D1 did not answer. 0 if D1 is up to date. */
  promisedUntil: number;
  /** True if a person revoked the lease. It must not come back while D1 does not answer. */
  isRevoked?: boolean;
}

/** The storage for leases. It returns undefined if no lease was ever stored. */
export interface LeaseMemo {
  /** True if a write costs nothing, so that every deadline can be kept. */
  readonly isFree: boolean;
  /** True if deadlines survive from one heartbeat to the next: in memory or in a channel. */
  readonly isLasting: boolean;
  read(): Remembered[] | undefined;
  write(leases: readonly Remembered[]): void;
  /** Returns whether output has arrived under the lease. It was accepted only after D1 had confirmed the lease. */
  hasOutput(leaseId: string): boolean;
}

/**
 * The maximum number of revoked leases that the object remembers. The holder of an older revoked lease has certainly learned about the
 * revocation.
 */
const REVOKED_LIMIT = 5;

/** How often the object asks D1 for the leases while D1 does not answer. */
const ASK_AGAIN_MS = 10_000;

export class LiveLeases {
  readonly #machine: MachineOf;
  readonly #memo: LeaseMemo;
  #leases: Map<string, LiveLease> | undefined;
  /** Until this time, the object uses its memory and does not ask D1. */
  #believedUntil = 0;

  constructor(machine: MachineOf, memo: LeaseMemo) {
    this.#machine = machine;
    this.#memo = memo;
  }

  /** Adds a lease that was just handed out. It is stored if the object may soon lose its memory, or if that costs nothing. */
  add(job: JobRow): void {
    this.#takeIn(job);
    if (this.#memo.isFree || !this.#memo.isLasting) this.#remember();
  }

  #takeIn(job: JobRow): void {
    if (job.leaseId === null || job.leaseExpiresAt === null) return;
    const known = this.#leases?.get(job.leaseId);
    // A job has only one lease, so an earlier lease in memory has ended.
    for (const [leaseId, { jobId }] of this.#leases ?? []) if (jobId === job.id) this.drop(leaseId);
    this.#leases?.set(job.leaseId, {
      jobId: job.id,
      // A heartbeat may have promised a later deadline than D1 has.
      deadline: Math.max(job.leaseExpiresAt, known?.deadline ?? 0),
      recordedUntil: job.leaseExpiresAt,
      isAsking: job.askingSince !== null,
    });
  }

  /** Reads the leases again, because a write may have taken effect although it was not answered. */
  doubt(): void {
    this.#leases = undefined;
  }

  /**
   * Call this when a read of the held jobs begins. `own` has the jobs of the machine if memory has them all. Otherwise the read
   * must cover all held jobs of the account: memory is built from it by `onHeld`, so that it needs no read of its own.
   */
  beginRead(deps: Deps): { own: string[] | undefined; onHeld(held: readonly JobRow[]): void } {
    const before = this.#leases;
    const own = this.#ownJobs();
    return {
      own,
      onHeld: (held) => {
        if (own !== undefined || this.#isBelieved(deps) || this.#leases !== before) return;
        this.#rebuild(held, this.#memo.read() ?? []);
      },
    };
  }

  /** Returns the jobs of all leases. Returns undefined if memory was not built from D1, so that one may be missing. */
  #ownJobs(): string[] | undefined {
    if (this.#leases === undefined || Number.isFinite(this.#believedUntil)) return undefined;
    return [...this.#leases.values()].map(({ jobId }) => jobId);
  }

  #isBelieved({ now }: Deps): boolean {
    return this.#leases !== undefined && now < this.#believedUntil;
  }

  /** Returns whether memory has a lease. It may have ended. */
  get hasAny(): boolean {
    return (this.#leases?.size ?? 0) > 0;
  }

  drop(leaseId: string): void {
    if (this.#leases?.delete(leaseId) && this.#memo.isFree) this.#remember();
  }

  /** Removes a lease that a person revoked. It must not come back while D1 does not answer. */
  revoke({ jobId, leaseId }: { jobId: string; leaseId: string }): void {
    this.drop(leaseId);
    const others = (this.#memo.read() ?? []).filter((one) => one.leaseId !== leaseId);
    const revoked = [...others.filter(isRevoked), { leaseId, jobId, promisedUntil: 0, isRevoked: true }];
    this.#memo.write([...others.filter((one) => !isRevoked(one)), ...revoked.slice(-REVOKED_LIMIT)]);
  }

  /** Extends all leases, because D1 does not answer and it is unknown which leases have ended. */
  spare(now: number): void {
    for (const lease of this.#leases?.values() ?? []) {
      lease.deadline = Math.max(lease.deadline, now + LEASE_MS / 2);
    }
    this.#remember();
  }

  /** Returns whether memory or storage has the lease. The lease may have ended. */
  remembers({ jobId, leaseId }: { jobId: string; leaseId: string }): boolean {
    return this.#leases?.get(leaseId)?.jobId === jobId;
  }

  /** Returns the deadline of every live lease. */
  async deadlines(deps: Deps): Promise<ReadonlyMap<string, number>> {
    const leases = await this.#loaded(deps);
    return new Map([...leases].map(([leaseId, { deadline }]) => [leaseId, deadline]));
  }

  async earliestDeadline(deps: Deps): Promise<number | undefined> {
    const deadlines = [...(await this.deadlines(deps)).values()];
    return deadlines.length === 0 ? undefined : Math.min(...deadlines);
  }

  /**
   * Returns whether the lease is live and belongs to this job. After the deadline, asks D1, because the lease may have been
   * reclaimed.
   */
  async holds(deps: Deps, { jobId, leaseId }: { jobId: string; leaseId: string }): Promise<boolean> {
    const lease = await this.#find(deps, { jobId, leaseId });
    return lease?.jobId === jobId && lease.deadline > deps.now;
  }

  /**
   * Removes expired leases after a sweep, unless D1 has a later deadline (a start sets one without notifying this object).
   * Leases that a heartbeat has renewed keep their exact deadline.
   */
  async settle(deps: Deps): Promise<void> {
    const leases = await this.#loaded(deps);
    const rows = await deps.db.all<JobRow>(readHeld(this.#machine, this.#ownJobs()));
    const isOver = (leaseId: string) => (leases.get(leaseId)?.deadline ?? 0) <= deps.now;
    for (const leaseId of [...leases.keys()].filter(isOver)) leases.delete(leaseId);
    for (const job of rows) {
      const isOwn = job.machineId === this.#machine.machineId && isLeased(job.status);
      if (isOwn && job.leaseId !== null && !leases.has(job.leaseId)) this.#takeIn(job);
    }
  }

  /** Moves the deadline. Writes it to D1 only if little of the recorded lease is left. */
  async renew(deps: Deps, { jobId, leaseId, isAsking = false }: Beat): Promise<LeaseNews> {
    const lease = await this.#find(deps, { jobId, leaseId });
    if (lease === undefined) return this.#askDatabase(deps, { jobId, leaseId });
    if (jobId !== undefined && lease.jobId !== jobId) return { valid: false, reason: 'unknown' };

    const expiresAt = leaseExpiry(deps.now);
    const isNews = isAsking !== lease.isAsking;
    if (isNews || isRenewalDue(lease.recordedUntil, deps.now, this.#memo.isLasting)) {
      const held = await this.#record(deps, lease, { leaseId, expiresAt, isAsking });
      if (held === false) {
        this.drop(leaseId);
        return this.#askDatabase(deps, { jobId: lease.jobId, leaseId });
      }
      if (held === undefined) return this.#promise(lease, expiresAt);
      lease.recordedUntil = expiresAt;
      lease.isAsking = isAsking;
    }
    lease.deadline = expiresAt;
    if (this.#memo.isFree) this.#remember();
    return { valid: true, expiresAt, ...(isNews ? { movedJob: lease.jobId } : {}) };
  }

  /** Writes the deadline to D1. Returns false if the lease has ended, and undefined if D1 does not answer. */
  async #record(
    deps: Deps,
    { jobId, isAsking }: LiveLease,
    news: { leaseId: string; expiresAt: number; isAsking: boolean },
  ): Promise<boolean | undefined> {
    const key = { userId: this.#machine.userId, id: jobId };
    const db = deps.db.within(BRIEF_WAIT_MS);
    const told =
      news.isAsking === isAsking
        ? renewIfHeld(db, key, news)
        : noteAskingIfHeld(db, key, { ...news, now: deps.now });
    return told.catch((error: unknown) => {
      if (isPassingFailure(error)) return undefined;
      throw error;
    });
  }

  #promise(lease: LiveLease, expiresAt: number): LeaseNews {
    lease.deadline = Math.max(lease.deadline, expiresAt);
    this.#remember();
    return { valid: true, expiresAt };
  }

  #remember(): void {
    if (this.#leases === undefined) return;
    const revoked = (this.#memo.read() ?? []).filter(isRevoked);
    const kept = [...this.#leases].map(([leaseId, { jobId, deadline, recordedUntil }]) => {
      const promisedUntil = recordedUntil > 0 && deadline <= recordedUntil ? 0 : deadline;
      return { leaseId, jobId, promisedUntil };
    });
    this.#memo.write([...revoked, ...kept]);
  }

  /** Asks D1 about a lease that is not in memory: whether it is live, or why it has ended. */
  async #askDatabase(deps: Deps, lease: { jobId: string | undefined; leaseId: string }): Promise<LeaseNews> {
    const job = lease.jobId && (await findJob(deps.db, this.#machine.userId, lease.jobId));
    if (!job) return { valid: false, reason: 'unknown' };
    if (job.leaseId !== lease.leaseId)
      return { valid: false, reason: job.leaseId === null ? 'revoked' : 'lost' };
    if (job.machineId !== this.#machine.machineId) return { valid: false, reason: 'foreign' };
    if (job.status === 'cancelled') return { valid: false, reason: 'cancelled' };
    if (isLeased(job.status)) return this.#adopt(deps, job);
    if (job.status === 'lost') return this.#resume(deps, job);
    return { valid: false, reason: 'finished' };
  }

  /** Adds a lease that is live in D1 but was lost from memory. */
  async #adopt(deps: Deps, job: JobRow): Promise<LeaseNews> {
    const expiresAt = leaseExpiry(deps.now);
    const held = await renewIfHeld(deps.db, job, { leaseId: job.leaseId ?? '', expiresAt });
    if (!held) return { valid: false, reason: 'lost' };
    this.add({ ...job, leaseExpiresAt: expiresAt });
    return { valid: true, expiresAt };
  }

  /** Resumes the lease of a machine that was silent for too long and returns with the same lease. */
  async #resume(deps: Deps, job: JobRow): Promise<LeaseNews> {
    const expiresAt = leaseExpiry(deps.now);
    const resumed = await resumeIfLost(deps.db, job, {
      leaseId: job.leaseId ?? '',
      expiresAt,
      now: deps.now,
    });
    if (resumed === undefined) return { valid: false, reason: 'lost' };
    this.add(resumed);
    deps.log('job_resumed', { jobId: job.id, leaseId: job.leaseId ?? undefined });
    return { valid: true, expiresAt };
  }

  /** Finds a lease in memory, or in D1. While D1 does not answer, a lease with output here counts as live. */
  async #find(
    deps: Deps,
    { jobId, leaseId }: { jobId: string | undefined; leaseId: string },
  ): Promise<LiveLease | undefined> {
    const isKnown = () => jobId !== undefined && this.#memo.hasOutput(leaseId) && !this.#wasRevoked(leaseId);
    const leases = await this.#loaded(deps).catch((error: unknown) => {
      if (isPassingFailure(error) && isKnown()) return this.#goOn(deps, []);
      throw error;
    });
    const isSilent = Number.isFinite(this.#believedUntil);
    if (isSilent && jobId !== undefined && !leases.has(leaseId) && isKnown())
      leases.set(leaseId, { jobId, deadline: deps.now + LEASE_MS / 2, recordedUntil: 0, isAsking: false });
    return leases.get(leaseId);
  }

  #wasRevoked(leaseId: string): boolean {
    return this.#memo.read()?.some((one) => one.leaseId === leaseId && isRevoked(one)) ?? false;
  }

  async #loaded(deps: Deps): Promise<Map<string, LiveLease>> {
    if (this.#leases !== undefined && deps.now < this.#believedUntil) return this.#leases;
    const before = this.#leases;
    const kept = this.#memo.read();
    const canWait = before === undefined && kept === undefined;
    const db = canWait ? deps.db : deps.db.within(BRIEF_WAIT_MS);
    try {
      const rows = await db.all<JobRow>(readHeld(this.#machine, undefined));
      // Another event may have loaded the leases in the meantime. Keep the newer entries.
      if (this.#leases !== undefined && this.#leases !== before) return this.#leases;
      return this.#rebuild(rows, kept ?? []);
    } catch (error) {
      if (canWait || !isPassingFailure(error)) throw error;
      return this.#goOn(deps, kept ?? []);
    }
  }

  /** Builds the leases from D1, with the later deadlines that heartbeats were promised. */
  #rebuild(rows: readonly JobRow[], kept: readonly Remembered[]): Map<string, LiveLease> {
    const before = this.#leases;
    const leases = new Map<string, LiveLease>();
    this.#leases = leases;
    this.#believedUntil = Number.POSITIVE_INFINITY;
    for (const job of rows) {
      if (job.machineId !== this.#machine.machineId || !isLeased(job.status)) continue;
      this.#takeIn(job);
      const lease = leases.get(job.leaseId ?? '');
      const promised = kept.find(({ leaseId }) => leaseId === job.leaseId)?.promisedUntil ?? 0;
      const known = before?.get(job.leaseId ?? '')?.deadline ?? 0;
      if (lease !== undefined) lease.deadline = Math.max(lease.deadline, promised, known);
    }
    return leases;
  }

  /** Returns the leases from memory, or else from storage, while D1 does not answer. */
  #goOn(deps: Deps, kept: readonly Remembered[]): Map<string, LiveLease> {
    this.#leases ??= new Map(
      kept
        .filter((one) => !isRevoked(one))
        .map(({ leaseId, jobId, promisedUntil }) => [
          leaseId,
          { jobId, deadline: promisedUntil, recordedUntil: 0, isAsking: false },
        ]),
    );
    this.#believedUntil = deps.now + ASK_AGAIN_MS;
    this.spare(deps.now);
    deps.log('leases_not_confirmed', { machineId: this.#machine.machineId, leases: this.#leases.size });
    return this.#leases;
  }
}

function isRevoked(one: Remembered): boolean {
  return one.isRevoked === true;
}
