/** The pages of bulk orders. */

import type { Hono } from 'hono';
import { accept } from '../../../../spec/errors.ts';
import type { AppEnv } from '../../../http/app-env.ts';
import { abortBulk, advanceBulk } from '../../../overview/bulk.ts';
import { onForm, showPage } from '../../frame/page.ts';
import { bulkPath, PATHS } from '../paths.ts';
import { bulkPage, startRun } from './bulk-page.tsx';
import { runPage } from './bulk-runs.tsx';

export function mountBulk(app: Hono<AppEnv>): void {
  const operatorsOnly = true;
  const run = `${PATHS.bulk}/:name`;
  const back = ({ params }: { params: Record<string, string> }) =>
    params.name === undefined ? PATHS.bulk : bulkPath(params.name);
  showPage(app, { path: PATHS.bulk, operatorsOnly }, bulkPage);
  showPage(app, { path: run, operatorsOnly }, runPage);
  onForm(app, { path: PATHS.bulk, operatorsOnly, back }, startRun);

  onForm(app, { path: `${run}/advance`, operatorsOnly, back }, async (request) => {
    const advanced = await advanceBulk(request.deps, request.params.name ?? '');
    return advanced.ok ? accept({ to: back(request) }) : advanced;
  });

  onForm(app, { path: `${run}/abort`, operatorsOnly, back }, async (request) => {
    const aborted = await abortBulk(request.deps, request.auth, request.params.name ?? '');
    if (!aborted.ok) return aborted;
    const text = aborted.value.changed
      ? 'Aborted. What was ordered stays ordered; the other jobs are left alone.'
      : 'The run had ended already.';
    return accept({ to: back(request), receipt: { tone: 'done', text } });
  });
}
