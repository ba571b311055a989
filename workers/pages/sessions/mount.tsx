/** The pages for sending a prompt: choose a session, read its conversation, send the next prompt. */

import type { Hono } from 'hono';
import { enqueueJob } from '../../../spec/contract/jobs.ts';
import { accept, HTTP_STATUS, type Refusal, refuse } from '../../../spec/errors.ts';
import { MAX_PROMPT_BYTES } from '../../../spec/job/kinds.ts';
import type { AppEnv } from '../../http/app-env.ts';
import { parse } from '../../http/parse.ts';
import { sourceOf } from '../../http/source.ts';
import { readSession } from '../../jobs/conversation.ts';
import { enqueuePrompt, type Order } from '../../jobs/enqueue.ts';
import { listSessions } from '../../jobs/sessions.ts';
import { shownLine } from '../design/shown.ts';
import type { Page } from '../frame/answer.tsx';
import { onForm, type PageRequest, showPage } from '../frame/page.ts';
import { type Draft, draftOf, emptyDraft, orderOf } from './draft.ts';
import { SendBody } from './send-body.tsx';
import { SessionBody, sessionName } from './session-body.tsx';

/** The number of turns on one page. */
const TURNS = 20;
/** The size limit of the form. Percent-encoding turns one byte into three characters. */
const FORM_BYTES = MAX_PROMPT_BYTES * 3 + 8192;

export function mountSessionPages(app: Hono<AppEnv>): void {
  showPage(app, { path: '/send' }, async ({ query, auth, deps }) => {
    const sessions = await listSessions(deps, auth.id);
    const body = <SendBody sessions={sessions} machineId={query.get('machineId') ?? ''} now={deps.now} />;
    return accept({ title: 'Send a prompt', place: 'send', body, liveSeconds: 10 });
  });

  showPage(app, { path: '/sessions/:sessionId' }, (request) => sessionPage(request, emptyDraft()));

  const back = ({ params }: { params: Record<string, string> }) => `/sessions/${params.sessionId}`;
  onForm(app, { path: '/sessions/:sessionId/prompts', maxBytes: FORM_BYTES, back }, async (request) => {
    const { form, auth, deps } = request;
    const draft = draftOf(form);
    const order = parse(
      enqueueJob.body,
      orderOf(draft, { sessionId: request.params.sessionId ?? '', now: deps.now }),
      'body',
    );
    const queued = order.ok
      ? await enqueuePrompt(deps, auth, {
          order: order.value as Order,
          idempotencyKey: draft.key,
          source: sourceOf(request.context),
        })
      : order;
    if (!queued.ok) return sessionPage(request, draft, queued.refusal);
    const { waiting } = queued.value.job;
    const text = `Sent. ${waiting === undefined ? '' : shownLine(waiting.message, 300)}`;
    return accept({ to: `${back(request)}#latest`, receipt: { tone: 'done', text } });
  });
}

async function sessionPage({ params, query, auth, deps }: PageRequest, draft: Draft, refusal?: Refusal) {
  const codexSessionId = params.sessionId ?? '';
  const before = query.get('before')?.slice(0, 128) || undefined;
  const conversation = await readSession(deps, auth, { codexSessionId, before, limit: TURNS });
  const { session, turns, earlier } = conversation;
  if (session === undefined && turns.length === 0 && earlier === undefined) {
    return refuse(
      'not_found',
      `There is no session ${codexSessionId}.`,
      'Choose one of the sessions that your machines have linked.',
    );
  }
  const page: Page = {
    title: sessionName(conversation),
    place: 'send',
    liveSeconds: 5,
    status: refusal === undefined ? 200 : HTTP_STATUS[refusal.code],
    body: (
      <SessionBody
        id={codexSessionId}
        conversation={conversation}
        isEarlier={before !== undefined}
        draft={draft}
        refusal={refusal}
        now={deps.now}
      />
    ),
  };
  return accept(page);
}
