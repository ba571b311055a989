/** Compiled, never run: the published client takes and returns what the contract declares. */

import type { Job, JobStatus, Order, TranscriptEntry } from '../../cli/library/orp-client.ts';
import type { BodyInput, ReplyOf } from '../../spec/contract/endpoint.ts';
import type { enqueueJob, readTranscript, showJob } from '../../spec/contract/jobs.ts';
import type { JobStatus as ContractStatus } from '../../spec/job/status.ts';

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

/** Every field of an order except the kind, which is always a prompt. */
export const fields: Same<keyof Order, Exclude<keyof BodyInput<typeof enqueueJob>, 'kind'>> = true;
export const statuses: Same<JobStatus, ContractStatus> = true;

declare const order: Order;
export const body: BodyInput<typeof enqueueJob> = order;

declare const queued: ReplyOf<typeof enqueueJob>['job'];
export const job: Job = queued;
declare const shown: ReplyOf<typeof showJob>['job'];
export const answered: Job = shown;
declare const read: ReplyOf<typeof readTranscript>['entries'][number];
export const entry: TranscriptEntry = read;
