/**
 * Where the transcripts of jobs are, as this isolate read recently. Transcripts are in the objects of machines, so
 * they stay readable while D1 does not answer. Used only then.
 */

import type { JobRow } from '../store/job-row.ts';

/** Where the transcript of one attempt is. */
export interface Source {
  leaseCount: number;
  attempt: number;
  leaseId: string;
  machineId: string;
}

/** As much of a job as its transcript needs, and where its attempts ran, in their order. */
export interface TranscriptPlace {
  job: Pick<JobRow, 'id' | 'userId' | 'status'>;
  sources: readonly Source[];
}

/** As long as a token that D1 cannot confirm is trusted. */
const KEEP_MS = 15 * 60_000;
/** Jobs remembered by one isolate; the oldest go first. */
const LIMIT = 2000;
const places = new Map<string, TranscriptPlace & { until: number }>();

/** Notes what D1 has just said. */
export function rememberPlace({ job: { id, userId, status }, sources }: TranscriptPlace, now: number): void {
  places.delete(id);
  if (places.size >= LIMIT) places.delete(places.keys().next().value ?? '');
  places.set(id, { job: { id, userId, status }, sources, until: now + KEEP_MS });
}

/** A claim says all of a job that was never handed out before. */
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
