/**
 * The server as the runner's loops see it: every call is one attempt and returns a value. It throws nothing for failures of the
 * network or the server; the loops decide what to repeat.
 */

import type { z } from 'zod';
import type { Capability } from '../../../spec/contract/capabilities.ts';
import type { machineCondition } from '../../../spec/contract/runner.ts';
import type { FailureKind } from '../../../spec/job/kinds.ts';
import type { ReleaseReason } from '../../../spec/job/release.ts';
import type { CliError } from '../../base/exit.ts';
import type { Account } from '../../records/sign-in-record.ts';
import type { ChunkRecord } from '../spool/records.ts';

export type Reply<T> =
  /** `account`: under whose sign-in. */
  | { kind: 'ok'; value: T; account?: Account | undefined }
  /** The server said no, in its own form, and would say so again. Nothing else may end anything. */
  | ({ kind: 'refused'; status: number; code: string } & Said)
  /** The token is missing here, or the server says that it is revoked or unknown: a person must sign in. */
  | ({ kind: 'unauthenticated' } & Said)
  /** Network, overload, restart, or an answer of any status that is not from the server: worth another attempt. */
  | ({ kind: 'unavailable'; code: string } & Said);

interface Said {
  message: string;
  /** For programs, and for a person who searches for the cause. */
  details?: CliError['details'];
}

/** A job under its lease; a server without leases gives none. */
export interface Held {
  jobId: string;
  leaseId: string | undefined;
  /** The checkpoint that the answer of a review goes to. */
  checkpointId?: string | undefined;
  /** The account that claimed it. Nothing of it is sent under another account, because the server would refuse that. */
  account?: Account | undefined;
}

/** A raw JSON answer, shown in the output as it came. */
export type JsonBody = Record<string, unknown>;

/** What a heartbeat reply says of the lease. */
export interface LeaseVerdict {
  action: 'continue' | 'stop';
  reason?: string | undefined;
  expiresAt?: string | undefined;
}

export interface HeartbeatReply {
  body: JsonBody;
  verdict?: LeaseVerdict | undefined;
  /** The server asks the machine to finish its jobs and stop claiming. */
  drain: boolean;
}

/** What a heartbeat says beyond v0.4.4; only if the server announces `condition` and `asking`. */
export interface HeartbeatExtras {
  /** Why the runner claims nothing; a heartbeat without it says that the runner claims. */
  condition?: MachineCondition | undefined;
  /** A person at the machine is being asked whether the job of this lease may run. */
  asking?: boolean;
}

/** `until`: ISO 8601. */
export type MachineCondition = z.input<typeof machineCondition>;

export interface PollRequest {
  /** The same id brings the same lease, so a poll whose answer was lost can be repeated safely. */
  claimId?: string | undefined;
  dryRun?: boolean;
  projectRoots?: readonly string[];
}

export interface ResultReport {
  success: boolean;
  summary: string | null;
  content: string | null;
  error: string | null;
  failureKind?: FailureKind | undefined;
}

export interface ReceiptReport {
  processes: number;
  signal: 'none' | 'SIGINT' | 'SIGTERM' | 'SIGKILL';
  tookMs: number;
  at: string;
}

export interface ReleaseReport {
  reason: ReleaseReason;
  /** The runner's own words, for people; the server keeps 300 characters. */
  message?: string | undefined;
  /** When the job may be claimed again. A second request may make it sooner, until somebody has claimed the job. */
  retryAfterMs?: number | undefined;
}

export interface SystemMessage {
  seq: number;
  at: string;
  content: string;
  meta: Record<string, string | null>;
}

export interface HostedApi {
  /** Origin that all of this goes to. */
  readonly baseUrl: string;
  /** Whether the server offers an extension of the contract. */
  offers(capability: Capability): Promise<Reply<boolean>>;
  /** Returns the raw body: a job may be in several places of it. */
  poll(request: PollRequest): Promise<Reply<JsonBody>>;
  heartbeat(held: Partial<Held>, draining: boolean, extras?: HeartbeatExtras): Promise<Reply<HeartbeatReply>>;
  start(held: Held): Promise<Reply<JsonBody>>;
  addMessage(held: Held, message: SystemMessage): Promise<Reply<JsonBody>>;
  addLogs(held: Held, chunks: readonly ChunkRecord[]): Promise<Reply<JsonBody>>;
  complete(held: Held, report: ResultReport): Promise<Reply<JsonBody>>;
  /** Gives the job back: only if the prompt had no effect, and the server announces `release`. */
  release(held: Held, report: ReleaseReport): Promise<Reply<JsonBody>>;
  confirmCancel(held: Held, receipt: ReceiptReport): Promise<Reply<JsonBody>>;
}
