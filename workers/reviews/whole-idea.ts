/** Reads an idea with everything that its page shows. */

import { accept, type Result } from '../../spec/errors.ts';
import type { UserId } from '../../spec/ids.ts';
import type { Deps } from '../base/deps.ts';
import { type FeatureRow, featuresOfIdea } from '../store/features.ts';
import * as ideas from '../store/ideas.ts';
import { type WorldRow, worldOfIdea } from '../store/worlds.ts';
import { noIdea } from './ideas.ts';
import { listReviews, type Review } from './review-history.ts';

export interface WholeIdea {
  idea: ideas.IdeaRow;
  features: FeatureRow[];
  world: WorldRow | undefined;
  /** The reviews of the idea, newest first. */
  reviews: Review[];
}

/** The maximum number of reviews on the page of an idea. */
const REVIEWS = 20;

export async function showWholeIdea(
  deps: Deps,
  userId: UserId,
  ideaId: string,
): Promise<Result<WholeIdea, 'not_found'>> {
  const [idea, features, world, reviews] = await Promise.all([
    ideas.findIdea(deps.db, userId, ideaId),
    featuresOfIdea(deps.db, userId, ideaId),
    worldOfIdea(deps.db, userId, ideaId),
    listReviews(deps, userId, { ideaId, limit: REVIEWS }),
  ]);
  return idea === undefined ? noIdea(ideaId) : accept({ idea, features, world, reviews });
}
