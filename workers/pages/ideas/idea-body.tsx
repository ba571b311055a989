/** The page of one idea: its plan, its features, its repositories, its reviews, and the form that queues the next review. */

import type { Refusal } from '../../../spec/errors.ts';
import type { SendableSession } from '../../jobs/sessions.ts';
import { sectionsOf } from '../../reviews/features.ts';
import type { Review } from '../../reviews/review-history.ts';
import type { WholeIdea } from '../../reviews/whole-idea.ts';
import { shown, shownLine } from '../design/shown.ts';
import { folderName } from '../jobs/about-job.ts';
import { Badge, StatusBadge } from '../parts/badge.tsx';
import { Confirm } from '../parts/forms.tsx';
import { type Column, Facts, Heading, Table } from '../parts/lists.tsx';
import { Prose } from '../parts/prose.tsx';
import { CopyableId, Time } from '../parts/texts.tsx';
import type { Choice } from './review-choice.ts';
import { ReviewForm } from './review-form.tsx';

interface Props extends WholeIdea {
  /** The sessions that are linked to the idea. */
  sessions: readonly SendableSession[];
  choice: Choice;
  refusal: Refusal | undefined;
  now: number;
}

export function IdeaBody({ idea, features, world, reviews, sessions, choice, refusal, now }: Props) {
  return (
    <>
      <Heading
        title={shownLine(idea.title, 200) || 'Untitled'}
        aside={
          <>
            Changed <Time at={idea.updatedAt} now={now} />
          </>
        }
        actions={
          <Confirm ask="Remove…" action={`/ideas/${idea.id}/remove`} label="Remove the idea" look="danger">
            <p>It leaves the list with its features and reviews. You can restore it at any time.</p>
          </Confirm>
        }
      />
      <div class="columns">
        <div class="column-main">
          <section>
            <h2>Plan</h2>
            {idea.notes.trim() === '' ? (
              <p class="quiet">No notes.</p>
            ) : (
              <Prose text={idea.notes} limit={12_000} />
            )}
          </section>
          {features.length > 0 && <Features features={features} />}
          <section data-region="reviews">
            <h2>Reviews</h2>
            <ReviewList reviews={reviews} ideaId={idea.id} now={now} />
          </section>
          <ReviewForm idea={idea} features={features} choice={choice} refusal={refusal} />
        </div>
        <div class="column-side">
          <section>
            <h2>Where</h2>
            <Facts
              facts={[
                ['Repository', world?.projectRoot && <code>{shownLine(world.projectRoot, 300)}</code>],
                ['World', world && shownLine(world.name, 100)],
                [
                  'GitHub',
                  (world?.githubUrl ?? idea.githubUrl) && (
                    <WebLink url={world?.githubUrl ?? idea.githubUrl ?? ''} />
                  ),
                ],
                ['Idea', <CopyableId id={idea.id} label="idea id" />],
              ]}
            />
          </section>
          <section>
            <h2>Sessions</h2>
            {sessions.length === 0 && (
              <p class="quiet">
                No machine has linked this idea. Run <code>orp link project bind --idea-id {idea.id}</code>{' '}
                there.
              </p>
            )}
            <ul class="plain">
              {sessions.slice(0, 20).map((one) => (
                <li>
                  <a href={`/sessions/${encodeURIComponent(one.codexSessionId)}`}>
                    {folderName(one.projectRoot)} · {shownLine(one.label || one.orpSessionId, 40)}
                  </a>{' '}
                  <span class="quiet">{shownLine(one.machineName, 40)}</span>
                </li>
              ))}
            </ul>
          </section>
        </div>
      </div>
    </>
  );
}

/** The number of characters for the texts of features on one page. Further features show only their titles. */
const FEATURE_TEXT = 16_000;

function Features({ features }: Pick<WholeIdea, 'features'>) {
  let left = FEATURE_TEXT;
  const take = (text: string) => {
    const part = shown(text, Math.max(0, left));
    left -= text.length;
    return part;
  };
  return (
    <section>
      <h2>
        Features <span class="count">{features.length}</span>
      </h2>
      <div class="stack">
        {features.slice(0, 200).map((feature) => (
          <details class="feature">
            <summary>
              {shownLine(feature.title, 160)} {feature.starred === 1 && <Badge tone="warn">starred</Badge>}{' '}
              {feature.completed === 1 && <Badge tone="good">done</Badge>}
            </summary>
            {left <= 0 ? (
              <p class="quiet">
                Too long for this page: <code>orp idea show</code> prints it.
              </p>
            ) : (
              <>
                {feature.notes && <div class="prose-plain">{take(feature.notes)}</div>}
                {sectionsOf(feature).map(({ label, body }) => (
                  <>
                    <h3>{shownLine(label, 100)}</h3>
                    <div class="prose-plain">{take(body)}</div>
                  </>
                ))}
              </>
            )}
          </details>
        ))}
      </div>
    </section>
  );
}

/** Shows a stored link. Only web addresses become links. Addresses with other schemes stay text. */
export function WebLink({ url }: { url: string }) {
  const words = shownLine(url.replace(/^https?:\/\//, ''), 100);
  const isWeb = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
  return isWeb ? (
    <a href={url} rel="noopener noreferrer">
      {words}
    </a>
  ) : (
    <span>{words}</span>
  );
}

/** The list of the reviews of an idea. Each row shows the time, the status and the summary of a review. */
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
