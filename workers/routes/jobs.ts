/** The routes with which the owner queues, reads, cancels and retries jobs and reviews. */

import type { Context, Hono } from 'hono';
import * as z from 'zod/mini';
import { idempotencyKey } from '../../spec/contract/endpoint.ts';
import { queueCheckpoint } from '../../spec/contract/ideas.ts';
import * as rows from '../../spec/contract/jobs.ts';
import { accept, type Result, refuse } from '../../spec/errors.ts';
import type { AppEnv } from '../http/app-env.ts';
import { mount } from '../http/mount.ts';
import { sourceOf } from '../http/source.ts';
import { cancelJob, retryJob } from '../jobs/cancel-retry.ts';
import { enqueuePrompt } from '../jobs/enqueue.ts';
import { readWaiting, viewJob } from '../jobs/job-view.ts';
import * as jobs from '../jobs/read.ts';
import * as checkpoints from '../reviews/checkpoints.ts';

export function mountJobs(app: Hono<AppEnv>): void {
  mount(app, rows.enqueueJob, async ({ body, auth, deps, context }) => {
    const key = readKey(context);
    if (!key.ok) return key;
    const queued = await enqueuePrompt(deps, auth, {
      order: body,
      idempotencyKey: key.value,
      source: sourceOf(context),
    });
    return queued.ok ? accept({ ok: true, ...queued.value }) : queued;
  });

  mount(app, queueCheckpoint, async ({ params, body, auth, deps, context }) => {
    const key = readKey(context);
    if (!key.ok) return key;
    const queued = await checkpoints.queueCheckpoint(deps, auth, {
      order: { ...body, ideaId: params.ideaId },
      idempotencyKey: key.value,
      source: sourceOf(context),
    });
    return queued.ok ? accept({ ok: true, ...queued.value }) : queued;
  });

  mount(app, rows.listJobs, async ({ query, auth, deps }) => {
    const page = await jobs.listJobs(deps, auth, query);
    return page.ok ? accept({ ok: true, ...page.value, hasMore: page.value.nextCursor !== undefined }) : page;
  });

  mount(app, rows.showJob, async ({ params, auth, deps }) => {
    const job = await jobs.showJob(deps, auth, params.jobId);
    return job.ok ? accept({ ok: true, job: job.value }) : job;
  });

  mount(app, rows.readTranscript, async ({ params, query, auth, deps }) => {
    const page = await jobs.readTranscript(deps, auth, {
      jobId: params.jobId,
      cursor: query.cursor,
      limit: query.limit,
    });
    return page.ok ? accept({ ok: true, ...page.value }) : page;
  });

  mount(app, rows.cancelJob, async ({ params, body, auth, deps, context }) => {
    const order = { ...body, receipt: body.receipt, jobId: params.jobId, source: sourceOf(context) };
    const cancelled = await cancelJob(deps, auth, order);
    return cancelled.ok ? accept({ ok: true, job: viewJob(cancelled.value, undefined) }) : cancelled;
  });

  mount(app, rows.retryJob, async ({ params, body, auth, deps, context }) => {
    const retried = await retryJob(deps, auth, { ...body, jobId: params.jobId, source: sourceOf(context) });
    if (!retried.ok) return retried;
    const { job, warning } = retried.value;
    return accept({ ok: true, job: viewJob(job, await readWaiting(deps, job)), warning });
  });
}

/** Returns the idempotency key of the request, or undefined without one. A blank key is an error. */
function readKey(context: Context<AppEnv>): Result<string | undefined, 'invalid_input'> {
  const read = z.optional(idempotencyKey).safeParse(context.req.header('idempotency-key'));
  if (read.success) return accept(read.data);
  const issue = read.error.issues[0]?.message ?? 'cannot be read';
  return refuse('invalid_input', `Idempotency-Key: ${issue}.`, 'Use a UUID, or leave the header out.');
}
