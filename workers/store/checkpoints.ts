/** Checkpoint reviews and their responses. A review has the status of its job, except the statuses under a lease. */

import type { UserId } from '../../spec/ids.ts';
import { kindsWhere } from '../../spec/job/kinds.ts';
import { FIRST_STATUS, TRANSITIONS } from '../../spec/job/status.ts';
import { type Database, raw, type Statement, sql } from './database.ts';
import { kindIn } from './guard.ts';
import type { checkpoints } from './schema.ts';

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

/** Reads the reviews of an idea, for their owner. */
type Checkpoint = typeof checkpoints.$inferSelect;
export type ReviewRow = Pick<
  Checkpoint,
  'id' | 'jobId' | 'status' | 'createdAt' | 'respondedAt' | 'summary' | 'error'
>;
export type WholeReviewRow = ReviewRow & Pick<Checkpoint, 'ideaId' | 'structuredOutput' | 'body'>;

/** Reads the reviews of an idea, newest first. */
export function readReviews(userId: UserId, { ideaId, limit }: { ideaId: string; limit: number }): Statement {
  return sql`
    SELECT id, job_id AS jobId, status, created_at AS createdAt, responded_at AS respondedAt, summary, error
    FROM checkpoints INDEXED BY checkpoints_of_idea WHERE user_id = ${userId} AND idea_id = ${ideaId}
    ORDER BY id DESC LIMIT ${limit}`;
}

export function readReview(userId: UserId, id: string): Statement {
  return sql`
    SELECT id, idea_id AS ideaId, job_id AS jobId, status, created_at AS createdAt, responded_at AS respondedAt, summary,
      error, structured_output AS structuredOutput, body
    FROM checkpoints WHERE user_id = ${userId} AND id = ${id}`;
}
