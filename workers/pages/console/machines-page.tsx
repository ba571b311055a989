/** The first page of the console: alerts, jobs by status, and the machines of all accounts. The URL holds the filter. */

import { listMachines as listRow } from '../../../spec/contract/admin.ts';
import type { QueryOf } from '../../../spec/contract/endpoint.ts';
import { accept } from '../../../spec/errors.ts';
import { MACHINE_STATES } from '../../../spec/overview/machine-state.ts';
import { parse } from '../../http/parse.ts';
import { readAlerts } from '../../overview/alerts.ts';
import { readMachines } from '../../overview/machines.ts';
import type { PageRequest } from '../frame/page.ts';
import { Filter, namedIn, pathWith } from '../parts/filter.tsx';
import { More } from '../parts/lists.tsx';
import { Empty, ErrorNote } from '../parts/notes.tsx';
import { AlertList } from './alert-list.tsx';
import { ConsoleHeading } from './console-heading.tsx';
import { MachineTable } from './machine-table.tsx';
import { PATHS } from './paths.ts';

const KEYS = ['q', 'state', 'account', 'version', 'platform', 'cursor', 'limit'];
/** The number of rows. It is small, so that the page with its alerts stays below 60 kB. */
const LIMIT = 12;
const ALERTS_PER_KIND = 3;

export async function machinesPage({ query, deps }: PageRequest) {
  const named = namedIn(query, KEYS);
  const parsed = parse(listRow.query, { limit: String(LIMIT), ...named }, 'query');
  const [alerts, page] = await Promise.all([
    readAlerts(deps),
    readMachines(deps, parsed.ok ? bounded(parsed.value as QueryOf<typeof listRow>) : { limit: 1 }),
  ]);
  return accept({
    title: 'Console',
    place: 'console' as const,
    ...(parsed.ok ? { liveSeconds: 5 } : { status: 400 as const }),
    body: (
      <>
        <ConsoleHeading title="Console" part="machines" isLive />
        <section aria-labelledby="alerts-title">
          <h2 id="alerts-title">Alerts</h2>
          <div data-region="alerts">
            <AlertList {...alerts} perKind={ALERTS_PER_KIND} now={deps.now} />
          </div>
        </section>
        <section aria-labelledby="jobs-title">
          <h2 id="jobs-title">Jobs</h2>
          <div data-region="counts">
            <StatusTiles live={page.live} ended={page.endedLastHour} />
          </div>
        </section>
        <section aria-labelledby="machines-title">
          <h2 id="machines-title">Machines</h2>
          <Filter path={PATHS.machines} values={named} choices={CHOICES} />
          <ErrorNote refusal={parsed.ok ? undefined : parsed.refusal} />
          {parsed.ok && (
            <div data-region="machines">
              {page.machines.length === 0 ? (
                <NoMachines isFiltered={Object.keys(named).length > 0} hasMore={page.hasMore} />
              ) : (
                <MachineTable machines={page.machines} now={deps.now} />
              )}
              <More
                path={page.nextCursor && pathWith(PATHS.machines, { ...named, cursor: page.nextCursor })}
                label={page.machines.length === 0 ? 'Look further' : 'More machines'}
              />
            </div>
          )}
        </section>
      </>
    ),
  });
}

function bounded(query: QueryOf<typeof listRow>) {
  return { ...query, limit: Math.min(query.limit, LIMIT) };
}

const CHOICES = [
  { name: 'q', label: 'Name or account' },
  {
    name: 'state',
    label: 'State',
    options: [
      { value: '', label: 'Any state' },
      ...MACHINE_STATES.map((state) => ({ value: state, label: state })),
    ],
  },
  { name: 'account', label: 'Account' },
  { name: 'version', label: 'Version' },
  { name: 'platform', label: 'Platform' },
];

function NoMachines({ isFiltered, hasMore }: { isFiltered: boolean; hasMore: boolean }) {
  if (hasMore) {
    return <Empty title="No machine among the first thousand matches" />;
  }
  return isFiltered ? (
    <Empty title="No machine matches">
      <p>
        <a href={PATHS.machines}>Show all machines</a>
      </p>
    </Empty>
  ) : (
    <Empty title="No machines yet">
      <p>
        A machine appears after <code>orp runner sync</code>.
      </p>
    </Empty>
  );
}

type Counts = Pick<Awaited<ReturnType<typeof readMachines>>, 'live' | 'endedLastHour'>;

/** Shows the number of jobs by status, for all accounts. Each number links to the list of these jobs. */
function StatusTiles({ live, ended }: { live: Counts['live']; ended: Counts['endedLastHour'] }) {
  const tiles = [
    ...(['queued', 'dispatched', 'running', 'lost'] as const).map((status) => ({
      count: live[status],
      words: status,
      since: undefined,
      path: pathWith(PATHS.jobs, { status }),
    })),
    {
      count: ended.failed,
      words: 'failed',
      since: 'last hour',
      path: pathWith(PATHS.jobs, { status: 'failed' }),
    },
    ...(['completed', 'cancelled'] as const).map((status) => ({
      count: ended[status],
      words: status,
      since: 'last hour',
      path: pathWith(PATHS.jobs, { status }),
    })),
  ];
  return (
    <ul class="tiles">
      {tiles.map(({ count, words, since, path }) => (
        <li>
          <a class="tile" href={path}>
            <strong>{count.toLocaleString('en')}</strong> {words}
            {since && <span>{since}</span>}
          </a>
        </li>
      ))}
    </ul>
  );
}

/** The maximum number of alerts. It is small, so that the page stays below 60 kB. */
const ALERTS = 40;

export async function alertsPage({ deps }: PageRequest) {
  const found = await readAlerts(deps);
  const alerts = found.alerts.slice(0, ALERTS);
  const isCut = found.hasMore || found.alerts.length > ALERTS;
  return accept({
    title: 'Alerts',
    place: 'console' as const,
    liveSeconds: 5,
    body: (
      <>
        <ConsoleHeading title="Alerts" isLive />
        <div data-region="alerts">
          <AlertList {...found} alerts={alerts} hasMore={false} perKind={ALERTS} now={deps.now} />
          {isCut && <p class="quiet">There are more. They show when these are repaired.</p>}
        </div>
      </>
    ),
  });
}
