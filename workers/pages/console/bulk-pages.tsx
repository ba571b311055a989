/** The pages for bulk orders. A person filters the jobs, sees their number, starts a named run, watches it, or aborts it. */

import type { Hono } from 'hono';
import { startBulk as startRow } from '../../../spec/contract/admin.ts';
import { accept, HTTP_STATUS, type Refusal, type Result } from '../../../spec/errors.ts';
import type { AppEnv } from '../../http/app-env.ts';
import { parse } from '../../http/parse.ts';
import { sourceOf } from '../../http/source.ts';
import * as bulk from '../../overview/bulk.ts';
import type { Page } from '../frame/answer.tsx';
import { type FormRequest, onForm, type PageRequest, showPage } from '../frame/page.ts';
import { BulkBody, RunBody } from './bulk-body.tsx';
import { type BulkDraft, draftIn, draftOf } from './bulk-draft.ts';
import { bulkPath, PATHS } from './paths.ts';

type Order = Parameters<typeof bulk.startBulk>[2];

const back = ({ params }: { params: Record<string, string> }) =>
  params.name === undefined ? PATHS.bulk : bulkPath(params.name);

export function mountBulk(app: Hono<AppEnv>): void {
  showPage(app, { path: PATHS.bulk, operatorsOnly: true }, (request) =>
    bulkPage(request, draftIn(request.query)),
  );

  onForm(app, { path: PATHS.bulk, operatorsOnly: true, back }, startRun);

  showPage(app, { path: `${PATHS.bulk}/:name`, operatorsOnly: true }, async ({ params, deps }) => {
    const run = await bulk.showBulk(deps, params.name ?? '');
    if (!run.ok) return run;
    const isRunning = run.value.state === 'running';
    return accept({
      title: `Bulk order ${run.value.name}`,
      place: 'console',
      ...(isRunning ? { liveSeconds: 2 } : {}),
      body: <RunBody run={run.value} now={deps.now} />,
    });
  });

  onForm(app, { path: `${PATHS.bulk}/:name/advance`, operatorsOnly: true, back }, async (request) => {
    const run = await bulk.advanceBulk(request.deps, request.params.name ?? '');
    return run.ok ? accept({ to: back(request) }) : run;
  });

  onForm(app, { path: `${PATHS.bulk}/:name/abort`, operatorsOnly: true, back }, async (request) => {
    const aborted = await bulk.abortBulk(request.deps, request.auth, request.params.name ?? '');
    if (!aborted.ok) return aborted;
    const text = aborted.value.changed
      ? 'Aborted. What was ordered stays ordered; the other jobs are left alone.'
      : 'It had ended before.';
    return accept({ to: back(request), receipt: { tone: 'done', text } });
  });
}

async function startRun(request: FormRequest): Promise<Result<Page | { to: string }>> {
  const { form, auth, deps, context } = request;
  const draft = draftOf(form);
  const count = Number(form.line('count') ?? Number.NaN);
  const { action, filter, name, reason } = draft;
  const parsed = parse(startRow.body, { action, filter, name, count, reason }, 'body');
  const started = parsed.ok
    ? await bulk.startBulk(deps, auth, {
        ...(parsed.value as Order),
        name,
        count,
        reason,
        source: sourceOf(context),
      })
    : parsed;
  if (!started.ok) return bulkPage(request, draft, started.refusal);
  // Perform the first step now, so that a small order is complete when its page opens.
  await bulk.advanceBulk(deps, started.value.run.name);
  return accept({ to: bulkPath(started.value.run.name) });
}

async function bulkPage({ deps }: PageRequest, draft: BulkDraft, refusal?: Refusal): Promise<Result<Page>> {
  const { action, filter } = draft;
  const parsed = parse(startRow.body, { action, filter, dryRun: true }, 'body');
  const [matching, runs] = await Promise.all([
    draft.isAsked && parsed.ok ? bulk.countMatching(deps, parsed.value as Order) : undefined,
    bulk.listBulk(deps),
  ]);
  const wrong = refusal ?? (draft.isAsked && !parsed.ok ? parsed.refusal : undefined);
  const shown = wrong ?? (matching?.ok === false ? matching.refusal : undefined);
  return accept({
    title: 'Bulk orders',
    place: 'console',
    status: shown === undefined ? 200 : HTTP_STATUS[shown.code],
    body: (
      <BulkBody
        draft={draft}
        matching={matching?.ok ? matching.value : undefined}
        runs={runs}
        refusal={shown}
        now={deps.now}
      />
    ),
  });
}
