/**
 * The interface through which the runner's loops call the server. Every call is one attempt and returns a value. A failure of
 * the network or the server does not throw. The loops decide which calls to repeat.
 */

import type { z } from 'zod/mini';
import type { Capability } from '../../../spec/capabilities.ts';
import type { drivenAgent, machineCondition, spoolBacklog } from '../../../spec/contract/runner.ts';
import type { FailureKind } from '../../../spec/job/kinds.ts';
import type { ReleaseReason } from '../../../spec/job/release.ts';
import type { CliError } from '../../base/exit.ts';
import type { Account } from '../../records/sign-in-record.ts';
import type { ChunkRecord } from '../spool/records.ts';

export type Reply<T> =
  /** `account`: the signed-in account that made the call. */
  | { kind: 'ok'; value: T; account?: Account | undefined }
  /**
   * The server refused permanently, and the answer is proven to come from the server. Only this reply may end a lease or a
   * job.
   */
  | ({ kind: 'refused'; status: number; code: string } & Said)
  /** This machine has no token, or the server reports that the token is revoked or unknown. A person must sign in. */
  | ({ kind: 'unauthenticated' } & Said)
  /** A network failure, an overload, a restart, or an answer that is not from the server. The caller may try again. */
  | ({ kind: 'unavailable'; code: string } & Said);

interface Said {
  message: string;
  /** Details for programs and for debugging. */
  details?: CliError['details'];
}

/** A job and its lease. A server without leases sends no lease. */
export interface Held {
  jobId: string;
  leaseId: string | undefined;
  /** The checkpoint that receives the answer of a review. */
  checkpointId?: string | undefined;
  /**
   * The account that claimed the job. The runner sends data of the job only under this account; the server refuses any other.
   */
  account?: Account | undefined;
}

/** A raw JSON answer, printed unchanged. */
export type JsonBody = Record<string, unknown>;

/** The state of the lease in the answer to a heartbeat. */
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

/** The fields of a heartbeat that v0.4.4 does not know. Each is sent only if the server announces it. */
export interface HeartbeatExtras {
  /** Why the runner claims nothing. Absent if the runner claims jobs. */
  condition?: MachineCondition | undefined;
  /** A person at the machine is being asked whether the job of this lease may run. */
  asking?: boolean;
  /** The backlog on the disk. Sent only if the server announces `report`. */
  spool?: z.input<typeof spoolBacklog>;
  agent?: z.input<typeof drivenAgent>;
}

/** `until`: ISO 8601. */
export type MachineCondition = z.input<typeof machineCondition>;

export interface PollRequest {
  /** A repeated poll with the same id returns the same lease. So the runner can repeat a poll whose answer was lost. */
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
  /** A sentence of the runner, for people. The server keeps 300 characters. */
  message?: string | undefined;
  /** The pause before the job may be claimed again. Until a machine has claimed the job, a second request may shorten it. */
  retryAfterMs?: number | undefined;
}

export interface SystemMessage {
  seq: number;
  at: string;
  content: string;
  meta: Record<string, string | null>;
}

export interface HostedApi {
  /** The URL of the server that all calls go to. */
  readonly baseUrl: string;
  /** Returns whether the server offers an extension of the contract. */
  offers(capability: Capability): Promise<Reply<boolean>>;
  /** Returns the raw body, because the fields of the job may be in several places of the body. */
  poll(request: PollRequest): Promise<Reply<JsonBody>>;
  heartbeat(held: Partial<Held>, draining: boolean, extras?: HeartbeatExtras): Promise<Reply<HeartbeatReply>>;
  start(held: Held): Promise<Reply<JsonBody>>;
  addMessage(held: Held, message: SystemMessage): Promise<Reply<JsonBody>>;
  addLogs(held: Held, chunks: readonly ChunkRecord[]): Promise<Reply<JsonBody>>;
  complete(held: Held, report: ResultReport): Promise<Reply<JsonBody>>;
  /** Returns the job to the queue. Allowed only if the prompt had no effect and the server announces `release`. */
  release(held: Held, report: ReleaseReport): Promise<Reply<JsonBody>>;
  confirmCancel(held: Held, receipt: ReceiptReport): Promise<Reply<JsonBody>>;
}
