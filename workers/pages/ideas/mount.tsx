/** The pages about ideas and their reviews. */

import type { Hono } from 'hono';
import { queueCheckpoint as queueRow } from '../../../spec/contract/ideas.ts';
import { accept, HTTP_STATUS, type Refusal } from '../../../spec/errors.ts';
import type { AppEnv } from '../../http/app-env.ts';
import { parse } from '../../http/parse.ts';
import { sourceOf } from '../../http/source.ts';
import { listSessions } from '../../jobs/sessions.ts';
import { type CheckpointOrder, queueCheckpoint } from '../../reviews/checkpoints.ts';
import { removeIdea, restoreIdea } from '../../reviews/ideas.ts';
import { showReview } from '../../reviews/review-history.ts';
import { showWholeIdea } from '../../reviews/whole-idea.ts';
import { shownLine } from '../design/shown.ts';
import type { Page } from '../frame/answer.tsx';
import { type FormRequest, onForm, type PageRequest, showPage } from '../frame/page.ts';
import { IdeaBody } from './idea-body.tsx';
import { ideasPage } from './ideas-page.tsx';
import { ReviewBody } from './review-body.tsx';
import { type Choice, choiceOf, defaultChoice, selectionOf } from './review-choice.ts';

const pathOf = ({ params }: { params: Record<string, string> }) => `/ideas/${params.ideaId}`;

export function mountIdeaPages(app: Hono<AppEnv>): void {
  showPage(app, { path: '/ideas' }, ideasPage);
  showPage(app, { path: '/ideas/:ideaId' }, (request) => ideaPage(request, defaultChoice()));

  showPage(app, { path: '/ideas/:ideaId/reviews/:reviewId' }, async ({ params, auth, deps }) => {
    const review = await showReview(deps, auth.id, params.reviewId ?? '');
    if (!review.ok) return review;
    return accept({
      title: 'Review',
      place: 'ideas',
      body: <ReviewBody review={review.value} now={deps.now} />,
    });
  });

  onForm(app, { path: '/ideas/:ideaId/reviews', back: pathOf }, queueReview);

  onForm(app, { path: '/ideas/:ideaId/remove', back: pathOf }, async ({ params, auth, deps }) => {
    const removed = await removeIdea(deps, auth.id, params.ideaId ?? '');
    if (!removed.ok) return removed;
    const text = 'The idea was removed. You can restore it here.';
    return accept({ to: '/ideas?deleted=1', receipt: { tone: 'done', text } });
  });

  onForm(app, { path: '/ideas/:ideaId/restore', back: () => '/ideas?deleted=1' }, async (request) => {
    const restored = await restoreIdea(request.deps, request.auth.id, request.params.ideaId ?? '');
    if (!restored.ok) return restored;
    const text = `${shownLine(restored.value.title, 100)} is back.`;
    return accept({ to: pathOf(request), receipt: { tone: 'done', text } });
  });
}

async function queueReview(request: FormRequest) {
  const { params, form, auth, deps } = request;
  const choice = choiceOf(form);
  const body = parse(queueRow.body, { contextSelection: selectionOf(choice) }, 'body');
  const queued = body.ok
    ? await queueCheckpoint(deps, auth, {
        order: { ...(body.value as CheckpointOrder), ideaId: params.ideaId ?? '' },
        idempotencyKey: choice.key,
        source: sourceOf(request.context),
      })
    : body;
  if (!queued.ok) return ideaPage(request, choice, queued.refusal);
  const text = `Review queued. ${shownLine(queued.value.note ?? '', 300)}`;
  return accept({ to: `/jobs/${queued.value.jobId}`, receipt: { tone: 'done' as const, text: text.trim() } });
}

async function ideaPage({ params, auth, deps }: PageRequest, choice: Choice, refusal?: Refusal) {
  const ideaId = params.ideaId ?? '';
  const [whole, sessions] = await Promise.all([
    showWholeIdea(deps, auth.id, ideaId),
    listSessions(deps, auth.id, { ideaId }),
  ]);
  if (!whole.ok) return whole;
  const page: Page = {
    title: whole.value.idea.title,
    place: 'ideas',
    liveSeconds: 5,
    status: refusal === undefined ? 200 : HTTP_STATUS[refusal.code],
    body: <IdeaBody {...whole.value} sessions={sessions} choice={choice} refusal={refusal} now={deps.now} />,
  };
  return accept(page);
}
