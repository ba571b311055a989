/**
 * The live leases of one machine, as its object remembers them: exact deadlines that heartbeats move without a written
 * row. Memory is only a cache: everything is rebuilt from D1, at the price of at most half a lease of precision.
 */

import { isRenewalDue, leaseExpiry } from '../../spec/job/lease.ts';
import { isLeased } from '../../spec/job/status.ts';
import type { Deps } from '../deps.ts';
import { readHeld } from '../store/claims.ts';
import { noteAskingIfHeld, renewIfHeld, resumeIfLost } from '../store/job-moves.ts';
import type { JobRow } from '../store/job-row.ts';
import { findJob } from '../store/jobs.ts';

export interface MachineOf {
  userId: string;
  machineId: string;
}

interface LiveLease {
  jobId: string;
  /** When it ends if nothing more is heard. */
  deadline: number;
  /** What D1 was told last. */
  recordedUntil: number;
  /** D1 was told that a person is being asked about the job. */
  isAsking: boolean;
}

/** A heartbeat that names a lease. */
export interface Beat {
  jobId: string | undefined;
  leaseId: string;
  /** A person at the machine is being asked whether the job may run. */
  isAsking?: boolean;
}

/** What a heartbeat learns about its lease. */
export type LeaseNews =
  /** `movedJob`: why this job waits has changed. */
  | { valid: true; expiresAt: number; movedJob?: string }
  | { valid: false; reason: 'unknown' | 'cancelled' | 'revoked' | 'finished' | 'lost' | 'foreign' };

export class LiveLeases {
  readonly #machine: MachineOf;
  #leases: Map<string, LiveLease> | undefined;
  #doubtedUntil = 0;

  constructor(machine: MachineOf) {
    this.#machine = machine;
  }

  /** Takes in a lease that was just handed out. */
  add(job: JobRow): void {
    if (job.leaseId === null || job.leaseExpiresAt === null) return;
    const known = this.#leases?.get(job.leaseId);
    // A job has one lease: whatever else is known of it has ended without a word.
    for (const [leaseId, { jobId }] of this.#leases ?? []) if (jobId === job.id) this.drop(leaseId);
    this.#leases?.set(job.leaseId, {
      jobId: job.id,
      // A heartbeat may have promised more than D1 was told.
      deadline: Math.max(job.leaseExpiresAt, known?.deadline ?? 0),
      recordedUntil: job.leaseExpiresAt,
      isAsking: job.askingSince !== null,
    });
  }

  /** Nobody knows what became of the last write: it may still land, so for the life of a lease D1 is asked. */
  doubt(now: number): void {
    this.#leases = undefined;
    this.#doubtedUntil = leaseExpiry(now);
  }

  /** Whether this machine may hold something. */
  async mayHold(deps: Deps): Promise<boolean> {
    return (await this.#loaded(deps)).size > 0 || deps.now < this.#doubtedUntil;
  }

  drop(leaseId: string): void {
    this.#leases?.delete(leaseId);
  }

  /** Deadline of every live lease. */
  async deadlines(deps: Deps): Promise<ReadonlyMap<string, number>> {
    const leases = await this.#loaded(deps);
    return new Map([...leases].map(([leaseId, { deadline }]) => [leaseId, deadline]));
  }

  async earliestDeadline(deps: Deps): Promise<number | undefined> {
    const deadlines = [...(await this.deadlines(deps)).values()];
    return deadlines.length === 0 ? undefined : Math.min(...deadlines);
  }

  /** Whether the lease is live and for this job. One past its deadline may have been taken away: then D1 is asked. */
  async holds(deps: Deps, { jobId, leaseId }: { jobId: string; leaseId: string }): Promise<boolean> {
    const lease = (await this.#loaded(deps)).get(leaseId);
    return lease?.jobId === jobId && lease.deadline > deps.now;
  }

  /**
   * After a sweep: what has ended here goes, except what D1 has prolonged meanwhile (a start does, without a word to this
   * object). Leases that a heartbeat renewed stay, with their exact deadline.
   */
  async settle(deps: Deps): Promise<void> {
    const leases = await this.#loaded(deps);
    const rows = await deps.db.all<JobRow>(readHeld(this.#machine.userId));
    const isOver = (leaseId: string) => (leases.get(leaseId)?.deadline ?? 0) <= deps.now;
    for (const leaseId of [...leases.keys()].filter(isOver)) leases.delete(leaseId);
    for (const job of rows) {
      const isOwn = job.machineId === this.#machine.machineId && isLeased(job.status);
      if (isOwn && job.leaseId !== null && !leases.has(job.leaseId)) this.add(job);
    }
  }

  /** A heartbeat: moves the deadline; tells D1 only when less than half of the recorded lease is left. */
  async renew(deps: Deps, { jobId, leaseId, isAsking = false }: Beat): Promise<LeaseNews> {
    const lease = (await this.#loaded(deps)).get(leaseId);
    if (lease === undefined) return this.#askDatabase(deps, { jobId, leaseId });
    if (jobId !== undefined && lease.jobId !== jobId) return { valid: false, reason: 'unknown' };

    const expiresAt = leaseExpiry(deps.now);
    const isNews = isAsking !== lease.isAsking;
    if (isNews || isRenewalDue(lease.recordedUntil, deps.now)) {
      const key = { userId: this.#machine.userId, id: lease.jobId };
      const held = isNews
        ? await noteAskingIfHeld(deps.db, key, { leaseId, expiresAt, isAsking, now: deps.now })
        : await renewIfHeld(deps.db, key, { leaseId, expiresAt });
      if (!held) {
        this.drop(leaseId);
        return this.#askDatabase(deps, { jobId: lease.jobId, leaseId });
      }
      lease.recordedUntil = expiresAt;
      lease.isAsking = isAsking;
    }
    lease.deadline = expiresAt;
    return { valid: true, expiresAt, ...(isNews ? { movedJob: lease.jobId } : {}) };
  }

  /** What D1 knows of a lease that memory does not: why it ended, or that it may go on. */
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

  /** D1 says that the lease is live: memory had lost it. */
  async #adopt(deps: Deps, job: JobRow): Promise<LeaseNews> {
    const expiresAt = leaseExpiry(deps.now);
    const held = await renewIfHeld(deps.db, job, { leaseId: job.leaseId ?? '', expiresAt });
    if (!held) return { valid: false, reason: 'lost' };
    this.add({ ...job, leaseExpiresAt: expiresAt });
    return { valid: true, expiresAt };
  }

  /** The machine was silent too long and is back with the same lease: it goes on. */
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

  async #loaded(deps: Deps): Promise<Map<string, LiveLease>> {
    if (this.#leases !== undefined) return this.#leases;
    const rows = await deps.db.all<JobRow>(readHeld(this.#machine.userId));
    // While D1 answered, another event may have loaded them and gone on: what is newer stays.
    if (this.#leases !== undefined) return this.#leases;
    this.#leases = new Map();
    for (const job of rows) {
      if (job.machineId === this.#machine.machineId && isLeased(job.status)) this.add(job);
    }
    return this.#leases;
  }
}
