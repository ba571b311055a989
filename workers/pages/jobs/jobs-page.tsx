/** The list of jobs. The URL holds the filter, under the names that the API uses. */

import { listJobs as listJobsRow } from '../../../spec/contract/jobs.ts';
import { accept } from '../../../spec/errors.ts';
import { parse } from '../../http/parse.ts';
import { listJobs } from '../../jobs/read.ts';
import { listMachines } from '../../machines/list.ts';
import type { PageRequest } from '../frame/page.ts';
import { Filter, namedIn, pathWith } from '../parts/filter.tsx';
import { Heading, More } from '../parts/lists.tsx';
import { namesOf } from '../parts/machines.ts';
import { Empty, ErrorNote } from '../parts/notes.tsx';
import { choicesOf } from './job-filter.ts';
import { JobTable } from './job-table.tsx';

type Query = Parameters<typeof listJobs>[2];

/** The keys that the page reads from the URL. */
const KEYS = ['status', 'kind', 'machineId', 'ideaId', 'cursor', 'limit'] as const;

/** The number of rows on a page. It is small, so that a page transfers at most 60 kB. */
const ROWS = '40';

export async function jobsPage({ query, auth, deps }: PageRequest) {
  const named = namedIn(query, KEYS);
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
        <Filter path="/jobs" values={named} choices={choicesOf(namesOf(machines))} />
        <ErrorNote refusal={page.ok ? undefined : page.refusal} />
        {page.ok && (
          <div data-region="jobs">
            {page.value.jobs.length === 0 ? (
              <NoJobs isFiltered={isFiltered} hasOlder={page.value.nextCursor !== undefined} />
            ) : (
              <JobTable label="Jobs" jobs={page.value.jobs} names={namesOf(machines)} now={deps.now} />
            )}
            <More
              path={page.value.nextCursor && pathWith('/jobs', { ...named, cursor: page.value.nextCursor })}
            />
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
