/**
 * The interface of a machine's object, and the types that cross the RPC boundary. The object implements the interface, so no
 * code outside `objects/` needs its class.
 */

import type { Entry, NewEntry } from '../../spec/contract/jobs.ts';
import type { Result } from '../../spec/errors.ts';
import type { RunnerAbilities } from '../../spec/job/abilities.ts';
import type { MachineCondition } from '../../spec/job/condition.ts';
import type { SaidReport } from '../../spec/job/report.ts';
import type { Route } from '../../spec/job/routing.ts';
import type { JobRow } from '../store/job-row.ts';

/** Identifies a machine. Both values are part of the object's name. */
export interface MachineOf {
  userId: string;
  machineId: string;
}

/** A lease and its job. */
export interface LeaseOf {
  jobId: string;
  leaseId: string;
}

export interface ClaimRequest {
  userId: string;
  machineId: string;
  /** A repeated claim with the same id returns the same lease. */
  claimId?: string | undefined;
  instance?: string | undefined;
  /** The claim considers only jobs for these repositories. If absent, it considers jobs for all repositories. */
  projectRoots?: readonly string[] | undefined;
  /** The abilities that the runner has announced. */
  abilities?: RunnerAbilities | undefined;
  /** If true, the object returns the job that it would claim, but claims nothing. */
  dryRun: boolean;
  /** If set, the claim must confirm that this token is valid, because the Worker has not asked D1. */
  tokenHash?: string | undefined;
}

export type ClaimOutcome =
  /**
   * `replaced` is the lease id under which the same job was handed out before. It is no longer valid. `earlierLeases` are
   * those of earlier automatic attempts.
   */
  | { kind: 'claimed'; job: JobRow; prompt: string; replaced?: string; earlierLeases: string[] }
  | { kind: 'would_claim'; job: JobRow; prompt: string; route: Route }
  /** No job fits. `nextAt` is when the next known job becomes due. A drained machine gets no job. */
  | { kind: 'idle'; nextAt: number | undefined; draining?: boolean }
  | { kind: 'unauthenticated' }
  | { kind: 'unknown_machine' }
  | { kind: 'foreign_machine' };

/**
 * The facts about a machine in a heartbeat. An absent name keeps the stored name. An absent condition clears the condition.
 */
export interface SaidOfMachine {
  name: string | undefined;
  condition: Omit<MachineCondition, 'since'> | undefined;
  /** If absent, the object keeps the last report. */
  report?: SaidReport | undefined;
}

/** The state of the lease, in the answer to a heartbeat. */
export type LeaseNews =
  /** `movedJob` is the job whose waiting reason has changed. */
  | { valid: true; expiresAt: number; movedJob?: string }
  | { valid: false; reason: 'unknown' | 'cancelled' | 'revoked' | 'finished' | 'lost' | 'foreign' };

/** A heartbeat of a machine, with the lease that it renews. */
export interface MachineBeat {
  said: SaidOfMachine;
  jobId: string | undefined;
  leaseId: string | undefined;
  isAsking: boolean;
}

export interface BeatAnswer {
  lease: LeaseNews | undefined;
  draining: boolean;
}

/** Why a guard refused a change by the holder of a lease. */
export type Fenced = 'not_found' | 'foreign_machine' | 'lease_lost' | 'wrong_status';

/** Entries of several attempts, in order. */
export interface TranscriptPage {
  parts: { leaseId: string; entries: Entry[] }[];
  hasMore: boolean;
}

/** The object of one machine. */
export interface MachineApi extends Rpc.DurableObjectBranded {
  claim(request: Omit<ClaimRequest, 'userId' | 'machineId'>): Promise<ClaimOutcome>;
  wake(): void;
  lookAgainAt(at: number): Promise<void>;
  drain(isDraining: boolean): void;
  closeChannelsOf(token: string): void;
  /** Closes the channels of the account. Operators can continue to follow its jobs. */
  closeOwnChannels(): void;
  /** Returns undefined if the machine belongs to another account. */
  heartbeat(beat: MachineBeat): Promise<BeatAnswer | undefined>;
  forget(lease: LeaseOf): void;
  moved(jobId: string): void;
  revoke(lease: LeaseOf & { reason: 'cancelled' | 'revoked' }): void;
  deadlines(): Promise<Record<string, number>>;
  append(of: LeaseOf, entries: readonly NewEntry[]): Promise<Result<{ received: number }, Fenced>>;
  appendReceipt(receipt: LeaseOf & { text: string }): void;
  readTranscripts(leaseIds: readonly string[], page: { afterSeq: number; limit: number }): TranscriptPage;
  prune(): number;
  checkPresence(): Promise<void>;
  fetch(request: Request): Promise<Response>;
}
