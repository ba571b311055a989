/** The list of jobs. The URL holds the filter, under the names that the API uses. */

import { listJobs as listJobsRow } from '../../../spec/contract/jobs.ts';
import { accept } from '../../../spec/errors.ts';
import { JOB_STATUSES } from '../../../spec/job/status.ts';
import type { MachinePresence } from '../../../spec/job/waiting.ts';
import { parse } from '../../http/parse.ts';
import { listJobs } from '../../jobs/read.ts';
import { listMachines } from '../../machines/list.ts';
import type { PageRequest } from '../frame/page.ts';
import { Filter } from '../parts/filter.tsx';
import { Heading, More } from '../parts/lists.tsx';
import { namesOf } from '../parts/machines.ts';
import { Empty, ErrorNote } from '../parts/notes.tsx';
import { JobTable } from './job-table.tsx';

type Query = Parameters<typeof listJobs>[2];

/** The keys that the page reads from the URL. */
const KEYS = ['status', 'kind', 'machineId', 'ideaId', 'cursor', 'limit'] as const;

/** The number of rows on a page. It is small, so that a page transfers at most 60 kB. */
const ROWS = '40';

export async function jobsPage({ query, auth, deps }: PageRequest) {
  const named = namedIn(query);
  const parsed = parse(listJobsRow.query, { limit: ROWS, ...named }, 'query');
  const [machines, page] = await Promise.all([
    listMachines(deps, auth.id),
    parsed.ok ? listJobs(deps, auth, parsed.value as Query) : parsed,
  ]);
  const isFiltered = Object.keys(named).some((key) => key !== 'limit');
  return accept({
    title: 'Jobs',
    place: 'jobs' as const,
    ...(page.ok ? { liveSeconds: 5 } : { status: 400 as const }),
    body: (
      <>
        <Heading
          title="Jobs"
          actions={
            <a class="button button-main" href="/send">
              Send a prompt
            </a>
          }
        />
        <Filter path="/jobs" values={named} choices={choicesOf(machines)} />
        <ErrorNote refusal={page.ok ? undefined : page.refusal} />
        {page.ok && (
          <div data-region="jobs">
            {page.value.jobs.length === 0 ? (
              <NoJobs isFiltered={isFiltered} hasOlder={page.value.nextCursor !== undefined} />
            ) : (
              <JobTable label="Jobs" jobs={page.value.jobs} names={namesOf(machines)} now={deps.now} />
            )}
            <More path={pathOfNext(named, page.value.nextCursor)} />
          </div>
        )}
      </>
    ),
  });
}

function NoJobs({ isFiltered, hasOlder }: { isFiltered: boolean; hasOlder: boolean }) {
  if (hasOlder) return <Empty title="No newer job matches">Older jobs were not looked through yet.</Empty>;
  return isFiltered ? (
    <Empty title="No job matches">
      <p>
        <a href="/jobs">Show all jobs</a>
      </p>
    </Empty>
  ) : (
    <Empty title="No jobs yet">
      <p>
        <a href="/send">Send a prompt</a> to a session on one of your machines, or use{' '}
        <code>orp job submit</code>.
      </p>
    </Empty>
  );
}

/** Returns the filters that are set. An empty choice means any value. */
function namedIn(query: URLSearchParams): Record<string, string> {
  const set = KEYS.flatMap((key) => {
    const value = query.get(key)?.trim();
    return value ? [[key, value]] : [];
  });
  return Object.fromEntries(set);
}

function pathOfNext(named: Record<string, string>, cursor: string | undefined): string | undefined {
  return cursor === undefined ? undefined : `/jobs?${new URLSearchParams({ ...named, cursor })}`;
}

function choicesOf(machines: readonly MachinePresence[]) {
  const names = namesOf(machines);
  return [
    {
      name: 'status',
      label: 'Status',
      options: [
        { value: '', label: 'Any status' },
        { value: 'live', label: 'Not ended' },
        ...JOB_STATUSES.map((status) => ({ value: status, label: status })),
      ],
    },
    {
      name: 'kind',
      label: 'Kind',
      options: [
        { value: '', label: 'Any kind' },
        { value: 'session.prompt', label: 'Prompts' },
        { value: 'idea.checkpoint', label: 'Reviews' },
      ],
    },
    {
      name: 'machineId',
      label: 'Machine',
      options: [
        { value: '', label: 'Any machine' },
        ...[...names].map(([value, label]) => ({ value, label })),
      ],
    },
  ];
}
