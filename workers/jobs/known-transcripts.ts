/**
 * A cache of the places of transcripts. Transcripts are in the objects of machines, so they stay readable while D1 does not
 * answer. The cache is used only during that time.
 */

import type { JobRow } from '../store/job-row.ts';

/** Where the transcript of one attempt is. */
export interface Source {
  leaseCount: number;
  attempt: number;
  leaseId: string;
  machineId: string;
}

/** The fields of a job that its transcript needs, and the machines of its attempts, in order. */
export interface TranscriptPlace {
  job: Pick<JobRow, 'id' | 'userId' | 'status'>;
  sources: readonly Source[];
}

/** How long a place stays in the cache. A token that D1 cannot confirm is trusted for the same time. */
const KEEP_MS = 15 * 60_000;
/** The number of jobs in the cache of one isolate. The oldest are removed first. */
const LIMIT = 2000;
const places = new Map<string, TranscriptPlace & { until: number }>();

/** Stores a place that D1 has just returned. */
export function rememberPlace({ job: { id, userId, status }, sources }: TranscriptPlace, now: number): void {
  places.delete(id);
  if (places.size >= LIMIT) places.delete(places.keys().next().value ?? '');
  places.set(id, { job: { id, userId, status }, sources, until: now + KEEP_MS });
}

/** Stores the place of a newly claimed job. If the job was never handed out before, the claim contains everything. */
export function rememberClaim(job: JobRow, now: number): void {
  const { leaseCount, attempt, leaseId, machineId } = job;
  if (leaseCount !== 1 || leaseId === null || machineId === null) return;
  rememberPlace({ job, sources: [{ leaseCount, attempt, leaseId, machineId }] }, now);
}

/** Returns undefined if this isolate has not read the job lately, or if the job belongs to another account. */
export function recallPlace(userId: string, jobId: string, now: number): TranscriptPlace | undefined {
  const known = places.get(jobId);
  return known !== undefined && known.job.userId === userId && now < known.until ? known : undefined;
}
