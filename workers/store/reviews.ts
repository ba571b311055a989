/** Reads the reviews of an idea, for their owner. */

import type { UserId } from '../../spec/ids.ts';
import type { Statement } from './database.ts';
import { sql } from './database.ts';
import type { checkpoints } from './schema.ts';

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
