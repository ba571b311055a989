/**
 * The page for bulk orders. An operator chooses the action and the jobs, sees the count, names the run and starts it.
 * The newest runs follow.
 */

import type { Hono } from 'hono';
import { startBulk as startRow } from '../../../../spec/contract/admin.ts';
import type { BodyOf } from '../../../../spec/contract/endpoint.ts';
import { accept, HTTP_STATUS, type Refusal, type Result } from '../../../../spec/errors.ts';
import { BULK_ACTIONS } from '../../../../spec/overview/bulk.ts';
import type { AppEnv } from '../../../http/app-env.ts';
import { parse } from '../../../http/parse.ts';
import { sourceOf } from '../../../http/source.ts';
import { abortBulk, advanceBulk, countMatching, listBulk, startBulk } from '../../../overview/bulk.ts';
import { type FormRequest, onForm, type PageRequest, showPage } from '../../frame/page.ts';
import { FILTER_KEYS, JOB_CHOICES } from '../../jobs/job-filter.ts';
import { Filter, namedIn } from '../../parts/filter.tsx';
import { ErrorNote } from '../../parts/notes.tsx';
import { ConsoleHeading } from '../console-heading.tsx';
import { bulkPath, PATHS } from '../paths.ts';
import { BulkForm, type Typed } from './bulk-form.tsx';
import { BulkRuns, runPage } from './bulk-runs.tsx';

type Order = BodyOf<typeof startRow>;

const ORDER_KEYS = ['action', ...FILTER_KEYS];

export async function bulkPage({ query, deps }: PageRequest) {
  const named = namedIn(query, ORDER_KEYS);
  return showOrder({ deps }, { named });
}

/** Counts the matching jobs. Without an action, nothing is counted. */
async function showOrder(
  { deps }: Pick<PageRequest, 'deps'>,
  { named, typed, refusal }: { named: Record<string, string>; typed?: Typed; refusal?: Refusal },
) {
  const order = named.action === undefined ? undefined : orderOf(named);
  const [counted, runs] = await Promise.all([
    order?.ok ? countMatching(deps, order.value) : order,
    listBulk(deps),
  ]);
  const wrong = refusal ?? (counted === undefined || counted.ok ? undefined : counted.refusal);
  return accept({
    title: 'Bulk orders',
    place: 'console' as const,
    liveSeconds: 5,
    status: wrong === undefined ? (200 as const) : HTTP_STATUS[wrong.code],
    body: (
      <>
        <ConsoleHeading
          title="Bulk orders"
          part="bulk"
          aside="Cancel or requeue all jobs that match a filter. You see how many before anything happens."
          isLive
        />
        <Filter path={PATHS.bulk} values={named} choices={CHOICES} submit="Count" />
        <ErrorNote refusal={wrong} />
        {order?.ok && counted?.ok && (
          <BulkForm
            named={named}
            action={order.value.action}
            count={counted.value.count}
            isExact={counted.value.isExact}
            typed={typed ?? { name: suggestedName(order.value.action, deps.now), reason: '' }}
          />
        )}
        <section aria-labelledby="runs-title">
          <h2 id="runs-title">Newest runs</h2>
          <div data-region="runs">
            <BulkRuns runs={runs.slice(0, SHOWN)} now={deps.now} />
          </div>
        </section>
      </>
    ),
  });
}

const SHOWN = 20;

const CHOICES = [
  {
    name: 'action',
    label: 'What',
    options: [
      { value: '', label: 'Choose what to do' },
      ...BULK_ACTIONS.map((action) => ({ value: action, label: action })),
    ],
  },
  ...JOB_CHOICES.map((choice) =>
    choice.name === 'status' && choice.options !== undefined
      ? { ...choice, options: [{ value: '', label: 'Usual statuses' }, ...choice.options.slice(1)] }
      : choice,
  ),
];

/** Reads the order like the API, so that both report invalid values in the same way. */
function orderOf(named: Record<string, string>): Result<Order, 'invalid_input' | 'body_too_large'> {
  const { action, ...filter } = named;
  const parsed = parse(startRow.body, { action, filter, dryRun: true }, 'body');
  return parsed.ok ? accept(parsed.value as Order) : parsed;
}

function suggestedName(action: string, now: number): string {
  return `${action}-${new Date(now).toISOString().slice(0, 19).replace('T', '-').replaceAll(':', '')}`;
}

export async function startRun(request: FormRequest) {
  const { form, auth, deps, context } = request;
  const named = Object.fromEntries(
    ORDER_KEYS.flatMap((key) => {
      const value = form.line(key);
      return value === undefined ? [] : [[key, value]];
    }),
  );
  const typed = { name: form.line('name') ?? '', reason: form.text('reason') };
  const { action, ...filter } = named;
  const { name, reason } = typed;
  const count = Number(form.line('count') ?? Number.NaN);
  const parsed = parse(startRow.body, { action, filter, name, count, reason }, 'body');
  if (!parsed.ok) return showOrder(request, { named, typed, refusal: parsed.refusal });
  const order = parsed.value as Order;
  const started = await startBulk(deps, auth, {
    action: order.action,
    filter: order.filter,
    name,
    count,
    reason: reason.trim() || undefined,
    source: sourceOf(context),
  });
  if (!started.ok) return showOrder(request, { named, typed, refusal: started.refusal });
  // Perform the first step now, so that a small order is complete when its page opens.
  await advanceBulk(deps, name);
  return accept({ to: bulkPath(name) });
}

/** The pages of bulk orders. */
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
    const aborted = await abortBulk(request.deps, request.auth, {
      name: request.params.name ?? '',
      source: sourceOf(request.context),
    });
    if (!aborted.ok) return aborted;
    const text = aborted.value.changed
      ? 'Aborted. Jobs that the run has already changed stay changed. No other job is changed.'
      : 'The run had already ended.';
    return accept({ to: back(request), receipt: { tone: 'done', text } });
  });
}
