/** The pages about jobs. */

import type { Hono } from 'hono';
import { accept } from '../../../spec/errors.ts';
import { isTokenLive } from '../../base/notify.ts';
import type { AppEnv } from '../../http/app-env.ts';
import { sourceOf } from '../../http/source.ts';
import { bridge } from '../../http/sse-bridge.ts';
import { cancelJob, retryJob } from '../../jobs/cancel-retry.ts';
import { openFollow } from '../../jobs/follow.ts';
import { FollowFrames } from '../../jobs/follow-frames.ts';
import { showJob } from '../../jobs/read.ts';
import { listMachines } from '../../machines/list.ts';
import { shownLine } from '../design/shown.ts';
import type { Go } from '../frame/answer.tsx';
import { localPath } from '../frame/local-path.ts';
import { type FormRequest, onForm, type PageRequest, showPage } from '../frame/page.ts';
import { namesOf } from '../parts/machines.ts';
import { jobTitle } from './about-job.ts';
import { JobBody } from './job-body.tsx';
import { jobsPage } from './jobs-page.tsx';
import { entryHtml } from './transcript.tsx';
import { downloadTranscript, firstEntries, searchTranscript } from './transcript-reads.ts';

/** Returns the path of the page that contained the form: the page of the job, the inbox, or the console. */
function back({ params, form }: FormRequest): string {
  return localPath(form.line('back'), `/jobs/${params.jobId}`);
}

export function mountJobPages(app: Hono<AppEnv>): void {
  showPage(app, { path: '/jobs' }, jobsPage);

  showPage(app, { path: '/jobs/:jobId' }, async ({ params, query, auth, deps }) => {
    const jobId = params.jobId ?? '';
    const [shown, machines, entries] = await Promise.all([
      showJob(deps, auth, jobId),
      listMachines(deps, auth.id),
      firstEntries(deps, auth, { jobId, cursor: query.get('after') ?? undefined }),
    ]);
    if (!shown.ok) return shown;
    if (!entries.ok) return entries;
    const words = query.get('q')?.trim() ?? '';
    const search = words === '' ? accept(undefined) : await searchTranscript(deps, auth, { jobId, words });
    if (!search.ok) return search;
    const job = shown.value;
    return accept({
      title: jobTitle(job),
      place: 'jobs',
      body: (
        <JobBody
          job={job}
          names={namesOf(machines)}
          transcript={entries.value}
          search={search.value}
          now={deps.now}
        />
      ),
    });
  });

  showPage(app, { path: '/jobs/:jobId/live', streams: true }, streamJob);
  showPage(app, { path: '/jobs/:jobId/transcript.txt', streams: true }, downloadTranscript);

  onForm(app, { path: '/jobs/:jobId/cancel', back }, async (request) => {
    const { params, form, auth, deps, context } = request;
    const order = { jobId: params.jobId ?? '', reason: form.line('reason'), source: sourceOf(context) };
    const cancelled = await cancelJob(deps, auth, { ...order, reason: order.reason?.slice(0, 1000) });
    if (!cancelled.ok) return cancelled;
    const isStopping = cancelled.value.leaseId !== null && cancelled.value.cancelConfirmedAt === null;
    const text = isStopping
      ? 'Cancelled. The runner stops the agent; this page shows when it has confirmed that.'
      : 'Cancelled. No agent had started.';
    return accept(done(back(request), text));
  });

  onForm(app, { path: '/jobs/:jobId/retry', back }, async (request) => {
    const { params, form, auth, deps, context } = request;
    const expected = Number(form.line('attempt'));
    const retried = await retryJob(deps, auth, {
      jobId: params.jobId ?? '',
      source: sourceOf(context),
      expectedAttempt: Number.isSafeInteger(expected) ? expected : undefined,
    });
    if (!retried.ok) return retried;
    const { warning } = retried.value;
    return accept(
      warning === undefined
        ? done(back(request), 'Queued again.')
        : { to: back(request), receipt: { tone: 'warning', text: `Queued again. ${shownLine(warning)}` } },
    );
  });
}

function done(to: string, text: string): Go {
  return { to, receipt: { tone: 'done', text } };
}

/** The stream that follows a job for its page. It sends entries as HTML, and an event when anything else has changed. */
const WAIT_MS = 15 * 60_000;

export async function streamJob({ params, query, auth, deps, context }: PageRequest) {
  const after = context.req.header('last-event-id') ?? query.get('after') ?? undefined;
  const follow = await openFollow(deps, auth, { jobId: params.jobId ?? '', after });
  if (!follow.ok) return follow;
  const frames = new FollowFrames(follow.value, (entry) => ({ html: entryHtml(entry) }));
  return accept(
    bridge({
      socket: follow.value.socket,
      waitMs: frames.limit(WAIT_MS),
      preamble: frames.preamble(),
      translate: (message) => frames.translate(message),
      farewell: (reason) => frames.farewell(reason),
      endsAtOnce: follow.value.last !== undefined,
      ...(follow.value.mustAsk ? { isAllowed: () => isTokenLive(deps, auth.tokenHash) } : {}),
    }),
  );
}
