/** Checkpoint reviews and their responses. A review has the status of its job, except the statuses under a lease. */

import type { UserId } from '../../spec/ids.ts';
import { kindsWhere } from '../../spec/job/kinds.ts';
import { FIRST_STATUS, TRANSITIONS } from '../../spec/job/status.ts';
import type { Database, Statement } from './database.ts';
import { raw, sql } from './database.ts';
import { kindIn } from './guard.ts';

export interface NewCheckpoint {
  id: string;
  ideaId: string;
  worldId: string | undefined;
  jobId: string;
  triggerType: string;
  /** JSON of the context selection. */
  context: string;
  now: number;
}

/** Inserts a review in the same batch as its job. It is written only if the job is. */
export function insertCheckpointWithJob(userId: UserId, checkpoint: NewCheckpoint): Statement {
  return sql`
    INSERT INTO checkpoints (user_id, id, idea_id, world_id, job_id, trigger_type, status, created_at, context)
    SELECT ${userId}, ${checkpoint.id}, ${checkpoint.ideaId}, ${checkpoint.worldId}, ${checkpoint.jobId},
           ${checkpoint.triggerType}, ${FIRST_STATUS}, ${checkpoint.now}, ${checkpoint.context}
    FROM jobs WHERE user_id = ${userId} AND id = ${checkpoint.jobId} AND checkpoint_id = ${checkpoint.id}`;
}

/** Reads the summaries of earlier responses, newest first. */
export function latestSummaries(
  db: Database,
  userId: UserId,
  { ideaId, limit }: { ideaId: string; limit: number },
) {
  return db.all<{ summary: string }>(sql`
    SELECT summary FROM checkpoints
    WHERE user_id = ${userId} AND idea_id = ${ideaId} AND status = ${TRANSITIONS.complete.to} AND summary IS NOT NULL
    ORDER BY id DESC LIMIT ${limit}`);
}

export interface ReviewResponse {
  responseId: string;
  leaseId: string;
  success: boolean;
  summary: string | undefined;
  error: string | undefined;
  /** JSON of the parsed sections. */
  structuredOutput: string | undefined;
  body: string | undefined;
  now: number;
}

const answeredByReview = () => kindsWhere((rules) => rules.completion === 'review');

/**
 * Records the response in the batch that finishes the job. It does nothing if the batch has not finished the job under this
 * lease, or if the response is already recorded.
 */
export function respondIfFinished(job: { userId: string; id: string }, response: ReviewResponse): Statement {
  const status = TRANSITIONS[response.success ? 'complete' : 'fail'].to;
  return sql`
    UPDATE checkpoints SET status = ${status}, responded_at = ${response.now}, response_id = ${response.responseId},
      summary = ${response.summary}, error = ${response.error}, structured_output = ${response.structuredOutput},
      body = ${response.body}
    WHERE user_id = ${job.userId} AND status = ${FIRST_STATUS} AND id = (
      SELECT checkpoint_id FROM jobs WHERE user_id = ${job.userId} AND id = ${job.id} AND status = ${status}
        AND lease_id = ${response.leaseId} AND finished_at = ${response.now} AND ${raw(kindIn(answeredByReview()))})`;
}
