/** One review with the sections of its answer. */

import { SECTION_TITLES } from '../../../spec/checkpoint/sections.ts';
import type { WholeReview } from '../../reviews/review-history.ts';
import { shown, shownLine } from '../design/shown.ts';
import { StatusBadge } from '../parts/badge.tsx';
import { Heading } from '../parts/lists.tsx';
import { Prose } from '../parts/prose.tsx';
import { Time } from '../parts/texts.tsx';

const TEXT_LIMIT = 20_000;

export function ReviewBody({ review, now }: { review: WholeReview; now: number }) {
  return (
    <div class="conversation">
      <Heading
        title="Review"
        aside={
          <>
            <StatusBadge status={review.status} /> queued <Time at={review.createdAt} now={now} /> ·{' '}
            <a href={`/ideas/${review.ideaId}`}>Idea</a> · <a href={`/jobs/${review.jobId}`}>Job</a>
          </>
        }
      />
      {review.error !== null && <p class="note note-error">{shown(review.error, 2000)}</p>}
      {review.status === 'queued' && (
        <p class="quiet">The answer is not here yet. The job shows why it waits.</p>
      )}
      <Sections review={review} />
    </div>
  );
}

function Sections({ review: { sections, body } }: { review: WholeReview }) {
  const titles = Object.entries(SECTION_TITLES) as [keyof typeof SECTION_TITLES, string][];
  const found = titles.flatMap(([key, title]) => {
    const value = sections?.[key];
    return value === undefined || value.length === 0 ? [] : [{ title, value }];
  });
  // An answer without the expected headings is shown unchanged.
  if (found.length === 0) return body === null ? null : <Prose text={body} limit={TEXT_LIMIT} />;
  return (
    <>
      {found.map(({ title, value }) => (
        <section>
          <h2>{title}</h2>
          {typeof value === 'string' ? (
            <Prose text={value} limit={TEXT_LIMIT} />
          ) : (
            <ul class="prose-list">
              {value.slice(0, 100).map((item) => (
                <li>{shownLine(item, 1000)}</li>
              ))}
            </ul>
          )}
        </section>
      ))}
    </>
  );
}
