/** The operator console: alerts, machines and jobs of all accounts, their orders, and the devices of an account. */

import type { Hono } from 'hono';
import { accept, refuse } from '../../../spec/errors.ts';
import type { AppEnv } from '../../http/app-env.ts';
import { sourceOf } from '../../http/source.ts';
import { cancelJob, retryJob } from '../../jobs/cancel-retry.ts';
import { drainMachine } from '../../machines/presence.ts';
import { shownLine } from '../design/shown.ts';
import type { Go } from '../frame/answer.tsx';
import { localPath } from '../frame/local-path.ts';
import { type FormRequest, onForm, showPage } from '../frame/page.ts';
import type { Receipted } from '../parts/notes.tsx';
import { mountAccounts } from './account-page.tsx';
import { adminJobsPage } from './jobs-page.tsx';
import { machinePage } from './machine-page.tsx';
import { alertsPage, machinesPage } from './machines-page.tsx';
import { machineOrderPath, PATHS } from './paths.ts';

export function mountConsole(app: Hono<AppEnv>): void {
  const operatorsOnly = true;
  app.get('/dashboard', (context) => context.redirect(PATHS.machines, 302));
  app.get('/dashboard/admin', (context) => context.redirect(PATHS.machines, 302));
  showPage(app, { path: PATHS.machines, operatorsOnly }, machinesPage);
  showPage(app, { path: `${PATHS.machines}/:machineId`, operatorsOnly }, machinePage);
  showPage(app, { path: PATHS.alerts, operatorsOnly }, alertsPage);
  showPage(app, { path: PATHS.jobs, operatorsOnly }, adminJobsPage);
  mountAccounts(app);

  onForm(app, { path: `${PATHS.jobs}/:jobId/order`, operatorsOnly, back: backOf }, orderJob);
  for (const order of ['drain', 'resume'] as const) {
    const path = machineOrderPath(':machineId', order).replace('%3A', ':');
    onForm(app, { path, operatorsOnly, back: backOf }, async (request) => {
      const { params, auth, deps, context } = request;
      const isDraining = order === 'drain';
      const ordered = await drainMachine(deps, auth, {
        machineId: params.machineId ?? '',
        isDraining,
        reason: reasonOf(request),
        source: sourceOf(context),
      });
      if (!ordered.ok) return ordered;
      const name = shownLine(ordered.value.machine.name, 60);
      const text = isDraining
        ? `${name} is draining: it finishes its jobs and claims no others.`
        : `${name} claims jobs again.`;
      return accept(done(backOf(request), text));
    });
  }
}

async function orderJob(request: FormRequest) {
  const { params, form, auth, deps, context } = request;
  const [jobId, back] = [params.jobId ?? '', backOf(request)];
  const order = { jobId, reason: reasonOf(request), source: sourceOf(context) };
  if (form.text('order') === 'cancel') {
    const cancelled = await cancelJob(deps, auth, order);
    return cancelled.ok ? accept(done(back, `Cancelled job ${jobId}.`)) : cancelled;
  }
  if (form.text('order') === 'requeue') {
    const seen = Number(form.line('attempt'));
    const expectedAttempt = Number.isSafeInteger(seen) ? seen : undefined;
    const retried = await retryJob(deps, auth, { ...order, expectedAttempt });
    if (!retried.ok) return retried;
    const { warning } = retried.value;
    return accept(
      warning === undefined
        ? done(back, `Queued job ${jobId} again.`)
        : done(back, `Queued job ${jobId} again. ${warning}`, 'warning'),
    );
  }
  return refuse(
    'invalid_input',
    'order: must be cancel or requeue.',
    'Choose one of the buttons of the job.',
  );
}

function backOf({ form }: FormRequest): string {
  return localPath(form.line('back'), PATHS.machines);
}

function reasonOf({ form }: FormRequest): string | undefined {
  return form.line('reason')?.slice(0, 1000);
}

function done(to: string, text: string, tone: Receipted['tone'] = 'done'): Go {
  return { to, receipt: { tone, text } };
}
