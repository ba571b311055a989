/** Checkpoint reviews and their responses. A review has the status of its job, except the statuses under a lease. */

import type { UserId } from '../../spec/ids.ts';
import { kindsWhere } from '../../spec/job/kinds.ts';
import { FIRST_STATUS, type JobStatus, TRANSITIONS } from '../../spec/job/status.ts';
import { type Database, raw, type Statement, sql } from './database.ts';
import { kindIn } from './guard.ts';
import type { checkpoints } from './idea-schema.ts';
import type { RowOf } from './table.ts';

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

/** A review for its owner. */
type Checkpoint = RowOf<typeof checkpoints>;
export type ReviewRow = Omit<
  Checkpoint,
  'userId' | 'responseId' | 'context' | 'structuredOutput' | 'body'
> & {
  /** The status of its job, which may be under a lease. */
  jobStatus: JobStatus | null;
};
export type WholeReviewRow = ReviewRow & Pick<Checkpoint, 'structuredOutput' | 'body'>;

const COLUMNS =
  raw(`c.id, c.idea_id AS ideaId, c.world_id AS worldId, c.job_id AS jobId, c.trigger_type AS triggerType,
  c.status, c.created_at AS createdAt, c.responded_at AS respondedAt, c.summary, c.error, j.status AS jobStatus`);
const JOB = raw('LEFT JOIN jobs j ON j.user_id = c.user_id AND j.id = c.job_id');

/** Reads the reviews of an idea, newest first. `before` is the id of the last review of the previous page. */
export function readReviews(
  userId: UserId,
  { ideaId, limit, before }: { ideaId: string; limit: number; before?: string | undefined },
): Statement {
  const older = before === undefined ? sql`` : sql`AND c.id < ${before}`;
  return sql`
    SELECT ${COLUMNS} FROM checkpoints c INDEXED BY checkpoints_of_idea ${JOB}
    WHERE c.user_id = ${userId} AND c.idea_id = ${ideaId} ${older} ORDER BY c.id DESC LIMIT ${limit}`;
}

export function readReview(userId: UserId, id: string): Statement {
  return sql`
    SELECT ${COLUMNS}, c.structured_output AS structuredOutput, c.body FROM checkpoints c ${JOB}
    WHERE c.user_id = ${userId} AND c.id = ${id}`;
}
