/** The page of all machines, with the alerts on top. The URL holds the filter, under the names that the API uses. */

import type { Hono } from 'hono';
import { listMachines as listRow } from '../../../spec/contract/admin.ts';
import { accept } from '../../../spec/errors.ts';
import { MACHINE_STATES } from '../../../spec/overview/machine-state.ts';
import type { AppEnv } from '../../http/app-env.ts';
import { parse } from '../../http/parse.ts';
import { sourceOf } from '../../http/source.ts';
import { drainMachine } from '../../machines/presence.ts';
import { readAlerts } from '../../overview/alerts.ts';
import { readMachines } from '../../overview/machines.ts';
import { shownLine } from '../design/shown.ts';
import { localPath } from '../frame/local-path.ts';
import { type FormRequest, onForm, type PageRequest, showPage } from '../frame/page.ts';
import { Filter } from '../parts/filter.tsx';
import { More } from '../parts/lists.tsx';
import { Empty, ErrorNote } from '../parts/notes.tsx';
import { AlertList } from './alert-list.tsx';
import { ConsoleHeading } from './console-heading.tsx';
import { MachineTable } from './machine-table.tsx';
import { machineOrderPath, PATHS } from './paths.ts';

type Query = Parameters<typeof readMachines>[1];

const KEYS = ['q', 'account', 'state', 'version', 'platform', 'cursor'] as const;

/** Machines on one page. */
const LIMIT = '20';

const CHOICES = [
  { name: 'q', label: 'Name, id or e-mail' },
  {
    name: 'state',
    label: 'State',
    options: [
      { value: '', label: 'Any state' },
      ...MACHINE_STATES.map((state) => ({ value: state, label: state })),
    ],
  },
  { name: 'version', label: 'Version' },
  { name: 'platform', label: 'Platform' },
];

export function mountMachines(app: Hono<AppEnv>): void {
  showPage(app, { path: PATHS.machines, operatorsOnly: true }, machinesPage);

  for (const order of ['drain', 'resume'] as const) {
    const path = machineOrderPath(':machineId', order).replace('%3A', ':');
    onForm(app, { path, operatorsOnly: true, back }, async (request) => {
      const { params, form, auth, deps, context } = request;
      const drained = await drainMachine(deps, auth, {
        machineId: params.machineId ?? '',
        isDraining: order === 'drain',
        reason: form.line('reason')?.slice(0, 1000),
        source: sourceOf(context),
      });
      if (!drained.ok) return drained;
      const name = shownLine(drained.value.machine.name, 60);
      const text =
        order === 'drain'
          ? `${name} is draining: it finishes its jobs and claims no others.`
          : `${name} claims jobs again.`;
      return accept({ to: back(request), receipt: { tone: 'done', text } });
    });
  }
}

function back({ form }: FormRequest): string {
  return localPath(form.line('back'), PATHS.machines);
}

async function machinesPage({ query, deps }: PageRequest) {
  const values = Object.fromEntries(
    KEYS.flatMap((key) => {
      const value = query.get(key)?.trim();
      return value ? [[key, value]] : [];
    }),
  );
  const parsed = parse(listRow.query, { limit: LIMIT, ...values }, 'query');
  const [alerts, page] = await Promise.all([
    readAlerts(deps),
    parsed.ok ? readMachines(deps, parsed.value as Query) : undefined,
  ]);
  const here = `${PATHS.machines}?${new URLSearchParams(values)}`;
  return accept({
    title: 'Console',
    place: 'console' as const,
    ...(parsed.ok ? { liveSeconds: 5 } : { status: 400 as const }),
    body: (
      <>
        <ConsoleHeading part="machines" title="Console" isLive />
        <div data-region="alerts">
          {page && <LiveCounts live={page.live} />}
          <AlertList alerts={alerts} now={deps.now} />
        </div>
        <section>
          <h2>Machines</h2>
          <Filter path={PATHS.machines} values={values} choices={CHOICES} />
          <ErrorNote refusal={parsed.ok ? undefined : parsed.refusal} />
          {page && (
            <div data-region="machines">
              {page.machines.length === 0 ? (
                <Empty
                  title={Object.keys(values).length > 0 ? 'No machine matches' : 'No machine has synced yet'}
                />
              ) : (
                <MachineTable machines={page.machines} back={here} now={deps.now} />
              )}
              <More path={nextPath(values, page.nextCursor)} label="More machines" />
            </div>
          )}
        </section>
      </>
    ),
  });
}

function nextPath(values: Record<string, string>, cursor: string | undefined): string | undefined {
  return cursor === undefined ? undefined : `${PATHS.machines}?${new URLSearchParams({ ...values, cursor })}`;
}

/** Shows the number of live jobs of all accounts by status. */
function LiveCounts({ live }: { live: Record<'queued' | 'dispatched' | 'running' | 'lost', number> }) {
  const counts = [
    ['queued', live.queued],
    ['dispatched', live.dispatched],
    ['running', live.running],
    ['lost', live.lost],
  ] as const;
  return (
    <dl class="counts" aria-label="Jobs of all accounts">
      {counts.map(([status, count]) => (
        <div>
          <dt>{status}</dt>
          <dd>{count.toLocaleString('en')}</dd>
        </div>
      ))}
    </dl>
  );
}
