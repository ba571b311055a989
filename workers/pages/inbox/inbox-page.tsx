/** The landing page: what needs a person, what is running, and what is queued. */

import type { Hono } from 'hono';
import { accept } from '../../../spec/errors.ts';
import type { AppEnv } from '../../http/app-env.ts';
import type { JobView } from '../../jobs/job-view.ts';
import { listJobs } from '../../jobs/read.ts';
import { listMachines } from '../../machines/list.ts';
import { showPage } from '../frame/page.ts';
import { JobTable } from '../jobs/job-table.tsx';
import { Heading } from '../parts/lists.tsx';
import { type MachineNames, namesOf } from '../parts/machines.ts';
import { Empty } from '../parts/notes.tsx';

/** Jobs that one page shows; the list of jobs has the others. */
const LIMIT = 100;

export function mountInbox(app: Hono<AppEnv>): void {
  showPage(app, { path: '/inbox' }, async ({ auth, deps }) => {
    const [page, machines] = await Promise.all([
      listJobs(deps, auth, { status: 'live', limit: LIMIT }),
      listMachines(deps, auth.id),
    ]);
    if (!page.ok) return page;
    const { jobs, nextCursor } = page.value;
    return accept({
      title: 'Inbox',
      place: 'inbox',
      liveSeconds: 3,
      body: (
        <>
          <Heading
            title="Inbox"
            actions={
              <a class="button button-main" href="/send">
                Send a prompt
              </a>
            }
          />
          <div data-region="inbox">
            <Groups jobs={jobs} names={namesOf(machines)} now={deps.now} />
            {nextCursor !== undefined && (
              <p>
                <a href="/jobs?status=live">Show all jobs that have not ended</a>
              </p>
            )}
          </div>
        </>
      ),
    });
  });
}

interface GroupsProps {
  jobs: readonly JobView[];
  names: MachineNames;
  now: number;
}

function Groups({ jobs, names, now }: GroupsProps) {
  const groups = [
    { title: 'Needs you', jobs: jobs.filter(needsPerson) },
    { title: 'Running', jobs: jobs.filter(({ status }) => status === 'running' || status === 'dispatched') },
    { title: 'Queued', jobs: jobs.filter((job) => job.status === 'queued' && !needsPerson(job)) },
  ];
  if (jobs.length === 0) {
    return (
      <Empty title="Nothing is running and nothing waits">
        <p>
          <a href="/send">Send a prompt</a>, or look at the <a href="/jobs">jobs that have ended</a>.
        </p>
      </Empty>
    );
  }
  return (
    <>
      {groups.map(({ title, jobs: own }) =>
        own.length === 0 ? null : (
          <section>
            <h2>
              {title} <span class="count">{own.length}</span>
            </h2>
            <JobTable label={title} jobs={own} names={names} now={now} />
          </section>
        ),
      )}
    </>
  );
}

/** Waiting alone does not help these. */
const STUCK: readonly string[] = ['lost', 'no_machine', 'no_session', 'runner_too_old', 'session_held'];

function needsPerson({ waiting }: JobView): boolean {
  return waiting !== undefined && STUCK.includes(waiting.code);
}
