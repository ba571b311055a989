/** The page of the jobs of all accounts. The URL holds the filter, under the same names as in bulk orders. */

import { bulkFilter } from '../../../spec/contract/admin.ts';
import { accept } from '../../../spec/errors.ts';
import type { BulkFilter } from '../../../spec/overview/bulk.ts';
import { parse } from '../../http/parse.ts';
import { listJobsOfAll } from '../../overview/jobs.ts';
import type { PageRequest } from '../frame/page.ts';
import { FILTER_KEYS, JOB_CHOICES } from '../jobs/job-filter.ts';
import { Filter, namedIn, pathWith } from '../parts/filter.tsx';
import { More } from '../parts/lists.tsx';
import { Empty, ErrorNote } from '../parts/notes.tsx';
import { ConsoleHeading } from './console-heading.tsx';
import { AdminJobTable } from './job-table.tsx';
import { PATHS } from './paths.ts';

const LIMIT = 15;

export async function adminJobsPage({ query, deps }: PageRequest) {
  const named = namedIn(query, FILTER_KEYS);
  const cursor = query.get('cursor')?.slice(0, 128) || undefined;
  const parsed = parse(bulkFilter, named, 'query');
  const page = parsed.ok
    ? await listJobsOfAll(deps, { ...(parsed.value as BulkFilter), cursor, limit: LIMIT })
    : parsed;
  const back = pathWith(PATHS.jobs, { ...named, cursor });
  return accept({
    title: 'Jobs of all accounts',
    place: 'console' as const,
    ...(page.ok ? { liveSeconds: 5 } : { status: 400 as const }),
    body: (
      <>
        <ConsoleHeading
          title="Jobs of all accounts"
          part="jobs"
          isLive
          actions={
            <a class="button" href={pathWith(PATHS.bulk, named)}>
              Cancel or requeue all…
            </a>
          }
        />
        <Filter path={PATHS.jobs} values={named} choices={JOB_CHOICES} />
        <ErrorNote refusal={page.ok ? undefined : page.refusal} />
        {page.ok && (
          <div data-region="jobs">
            {page.value.isOfOneDay && (
              <p class="quiet">
                Completed and cancelled jobs of the last 24 hours. Filter by account to see older ones.
              </p>
            )}
            {page.value.jobs.length === 0 ? (
              <NoJobs isFiltered={Object.keys(named).length > 0} />
            ) : (
              <AdminJobTable jobs={page.value.jobs} back={back} now={deps.now} />
            )}
            <More
              path={
                page.value.nextCursor && pathWith(PATHS.jobs, { ...named, cursor: page.value.nextCursor })
              }
            />
          </div>
        )}
      </>
    ),
  });
}

function NoJobs({ isFiltered }: { isFiltered: boolean }) {
  return isFiltered ? (
    <Empty title="No job matches">
      <p>
        <a href={PATHS.jobs}>Show all jobs that have not ended</a>
      </p>
    </Empty>
  ) : (
    <Empty title="Nothing is running and nothing waits" />
  );
}
