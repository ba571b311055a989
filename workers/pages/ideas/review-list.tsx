/** The list of the reviews of an idea. Each row shows the time, the status and the summary of a review. */

import type { Review } from '../../reviews/review-history.ts';
import { shownLine } from '../design/shown.ts';
import { StatusBadge } from '../parts/badge.tsx';
import { type Column, Table } from '../parts/lists.tsx';
import { Time } from '../parts/texts.tsx';

export function ReviewList({
  reviews,
  ideaId,
  now,
}: {
  reviews: readonly Review[];
  ideaId: string;
  now: number;
}) {
  if (reviews.length === 0) return <p class="quiet">No reviews yet.</p>;
  const columns: Column<Review>[] = [
    {
      head: 'Review',
      place: 'title',
      cell: (review) => (
        <>
          <a class="row-link" href={`/ideas/${ideaId}/reviews/${review.id}`}>
            {shownLine(review.summary ?? review.error ?? sentenceOf(review), 200)}
          </a>
        </>
      ),
    },
    { head: 'Status', place: 'side', cell: ({ status }) => <StatusBadge status={status} /> },
    {
      head: 'When',
      place: 'below',
      cell: ({ respondedAt, createdAt }) => <Time at={respondedAt ?? createdAt} now={now} />,
    },
  ];
  return <Table label="Reviews" columns={columns} rows={reviews} />;
}

function sentenceOf({ status }: Review): string {
  return status === 'queued' ? 'Waits for an answer.' : 'No answer.';
}
