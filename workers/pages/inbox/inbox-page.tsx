/** The landing page: the problems that need a person, the running jobs, and the queued jobs. */

import type { Hono } from 'hono';
import { accept } from '../../../spec/errors.ts';
import type { AppEnv } from '../../http/app-env.ts';
import { addressOf, sourceOf } from '../../http/source.ts';
import { listMachines } from '../../machines/list.ts';
import { dismissJob, type Inbox, readInbox } from '../../overview/inbox.ts';
import { onForm, showPage } from '../frame/page.ts';
import { JobTable } from '../jobs/job-table.tsx';
import { Heading } from '../parts/lists.tsx';
import { type MachineNames, namesOf } from '../parts/machines.ts';
import { Empty } from '../parts/notes.tsx';
import { CardView } from './card-view.tsx';

const back = () => '/inbox';

export function mountInbox(app: Hono<AppEnv>): void {
  showPage(app, { path: '/inbox' }, async ({ auth, deps, context }) => {
    const [inbox, machines] = await Promise.all([
      readInbox(deps, auth, { address: addressOf(context) }),
      listMachines(deps, auth.id),
    ]);
    return accept({
      title: 'Inbox',
      place: 'inbox',
      liveSeconds: 5,
      body: <InboxBody inbox={inbox} names={namesOf(machines)} now={deps.now} />,
    });
  });

  onForm(app, { path: '/inbox/:jobId/dismiss', back }, async ({ params, auth, deps, context }) => {
    const jobId = params.jobId ?? '';
    const dismissed = await dismissJob(deps, auth, { jobId, source: sourceOf(context) });
    if (!dismissed.ok) return dismissed;
    const text = 'Dismissed. The job stays in the list of jobs.';
    return accept({ to: '/inbox', receipt: { tone: 'done', text } });
  });
}

interface Props {
  inbox: Inbox;
  names: MachineNames;
  now: number;
}

function InboxBody({ inbox, names, now }: Props) {
  const { cards, counts, hasMore, running, queued } = inbox;
  const isQuiet = cards.length + running.length + queued.length === 0;
  return (
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
        {isQuiet && <Quiet />}
        {cards.length > 0 && (
          <section aria-label="Needs you">
            {cards.map((card) => (
              <CardView card={card} names={names} now={now} />
            ))}
            {hasMore && <p class="quiet">There is more than this page shows.</p>}
          </section>
        )}
        <Jobs
          title="Running"
          status="running"
          jobs={running}
          count={counts.running}
          names={names}
          now={now}
        />
        <Jobs title="Queued" status="queued" jobs={queued} count={counts.queued} names={names} now={now} />
      </div>
    </>
  );
}

function Quiet() {
  return (
    <Empty title="Nothing needs you">
      <p>
        Nothing is running and nothing waits. <a href="/send">Send a prompt</a>, or look at the{' '}
        <a href="/jobs">jobs that have ended</a>.
      </p>
    </Empty>
  );
}

interface JobsProps {
  title: string;
  status: string;
  jobs: Inbox['running'];
  /** The total number of jobs. The page may show fewer. */
  count: number;
  names: MachineNames;
  now: number;
}

function Jobs({ title, status, jobs, count, names, now }: JobsProps) {
  if (jobs.length === 0) return null;
  return (
    <section>
      <h2>
        {title} <span class="count">{count}</span>
      </h2>
      <JobTable label={title} jobs={jobs} names={names} now={now} />
      {count > jobs.length && (
        <p>
          <a href={`/jobs?status=${status}`}>Show all</a>
        </p>
      )}
    </section>
  );
}
