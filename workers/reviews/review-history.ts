/** Reviews of an idea with their responses. */

import type { StructuredReview } from '../../spec/checkpoint/sections.ts';
import { accept, type Result, refuse } from '../../spec/errors.ts';
import type { UserId } from '../../spec/ids.ts';
import type { Deps } from '../base/deps.ts';
import { type ReviewRow, readReview, readReviews, type WholeReviewRow } from '../store/checkpoints.ts';

export type Review = ReviewRow;

export interface WholeReview extends Omit<WholeReviewRow, 'structuredOutput'> {
  /**
   * Undefined if there is no response yet, if the review failed, or if the response is too long to be stored in
   * sections.
   */
  sections: StructuredReview | undefined;
}

/** Lists reviews, newest first. */
export function listReviews(
  deps: Deps,
  userId: UserId,
  asked: { ideaId: string; limit: number; before?: string | undefined },
): Promise<Review[]> {
  return deps.db.all<ReviewRow>(readReviews(userId, asked));
}

export async function showReview(
  deps: Deps,
  userId: UserId,
  id: string,
): Promise<Result<WholeReview, 'not_found'>> {
  const row = await deps.db.first<WholeReviewRow>(readReview(userId, id));
  if (row === undefined)
    return refuse(
      'not_found',
      `There is no review ${id}.`,
      'Open the idea to see its reviews, or run orp checkpoint list.',
    );
  const { structuredOutput, ...review } = row;
  const sections = structuredOutput === null ? undefined : (JSON.parse(structuredOutput) as StructuredReview);
  return accept({ ...review, sections });
}
