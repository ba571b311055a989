/**
 * What the Worker may ask of a machine's object, and the shapes that cross the call between them. The object implements
 * it, so nothing outside `objects/` needs its class.
 */

import type { Entry, NewEntry } from '../../spec/contract/jobs.ts';
import type { Result } from '../../spec/errors.ts';
import type { RunnerAbilities } from '../../spec/job/abilities.ts';
import type { MachineCondition } from '../../spec/job/condition.ts';
import type { SaidReport } from '../../spec/job/report.ts';
import type { Route } from '../../spec/job/routing.ts';
import type { JobRow } from '../store/job-row.ts';

/** Which machine: an object is named by both. */
export interface MachineOf {
  userId: string;
  machineId: string;
}

/** A lease, and the job that it is for. */
export interface LeaseOf {
  jobId: string;
  leaseId: string;
}

export interface ClaimRequest {
  userId: string;
  machineId: string;
  /** The same id brings the same lease. */
  claimId?: string | undefined;
  instance?: string | undefined;
  /** Only jobs for these repositories; absent: any. */
  projectRoots?: readonly string[] | undefined;
  /** What the runner says it can do. */
  abilities?: RunnerAbilities | undefined;
  /** Tell what would be claimed; claim nothing. */
  dryRun: boolean;
  /** Whether this machine may have leases. When it has none, what the account holds need not be read. */
  mayHold: boolean;
}

export type ClaimOutcome =
  /** `replaced`: the lease id under which the same job was handed out before, which is no longer valid. */
  | { kind: 'claimed'; job: JobRow; prompt: string; replaced?: string }
  | { kind: 'would_claim'; job: JobRow; prompt: string; route: Route }
  /** Nothing fits. `nextAt`: when a job known today comes due. */
  | { kind: 'idle'; nextAt: number | undefined }
  | { kind: 'unknown_machine' }
  | { kind: 'foreign_machine' };

/** What a heartbeat says of its machine; an absent name stays, an absent condition clears. */
export interface SaidOfMachine {
  name: string | undefined;
  condition: Omit<MachineCondition, 'since'> | undefined;
  /** An absent one changes nothing. */
  report?: SaidReport | undefined;
}

/** What a heartbeat learns about its lease. */
export type LeaseNews =
  /** `movedJob`: why this job waits has changed. */
  | { valid: true; expiresAt: number; movedJob?: string }
  | { valid: false; reason: 'unknown' | 'cancelled' | 'revoked' | 'finished' | 'lost' | 'foreign' };

/** A heartbeat of a machine, for the lease that it names. */
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

/** Why a guard refused what the holder of a lease wanted. */
export type Fenced = 'not_found' | 'foreign_machine' | 'lease_lost' | 'wrong_status';

/** Entries of several attempts, in order. */
export interface TranscriptPage {
  parts: { leaseId: string; entries: Entry[] }[];
  hasMore: boolean;
}

/** The object of one machine. */
export interface MachineApi extends Rpc.DurableObjectBranded {
  claim(request: Omit<ClaimRequest, 'userId' | 'machineId' | 'mayHold'>): Promise<ClaimOutcome>;
  wake(): void;
  lookAgainAt(at: number): Promise<void>;
  drain(isDraining: boolean): void;
  closeChannelsOf(token: string): void;
  /** Undefined: the machine belongs to somebody else. */
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
