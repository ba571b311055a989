/** A table of jobs of all accounts. Each row has the orders for its job. */

import { TRANSITIONS } from '../../../spec/job/status.ts';
import { retryWarning } from '../../jobs/cancel-retry.ts';
import type { AdminJob } from '../../overview/jobs.ts';
import { shownLine } from '../design/shown.ts';
import { jobSentence, jobTitle } from '../jobs/about-job.ts';
import { StatusBadge } from '../parts/badge.tsx';
import { type Column, Table } from '../parts/lists.tsx';
import { Sentence, Time } from '../parts/texts.tsx';
import { machinePath, PATHS } from './paths.ts';

interface Props {
  jobs: readonly AdminJob[];
  /** The page to return to after an order. */
  back: string;
  now: number;
}

export function AdminJobTable({ jobs, back, now }: Props) {
  const columns: Column<AdminJob>[] = [
    {
      head: 'Job',
      place: 'title',
      cell: (job) => (
        <>
          <a class="row-link" href={`/jobs/${job.id}`}>
            {shownLine(jobTitle(job), 80)}
          </a>
          <div class="quiet clamp">
            <Sentence text={jobSentence(job)} limit={200} />
          </div>
        </>
      ),
    },
    { head: 'Status', place: 'side', cell: ({ status }) => <StatusBadge status={status} /> },
    { head: 'Account and machine', place: 'below', cell: (job) => <Where job={job} /> },
    { head: 'Queued', place: 'below', cell: ({ createdAt }) => <Time at={createdAt} now={now} /> },
    { head: '', place: 'below', cell: (job) => <Orders job={job} back={back} /> },
  ];
  return <Table label="Jobs" look="orders" columns={columns} rows={jobs} />;
}

function Where({ job }: { job: AdminJob }) {
  const machineId = job.machineId ?? job.target.machineId;
  return (
    <>
      <div class="clip">{shownLine(job.account.email, 60)}</div>
      <div class="quiet clip">
        {machineId === undefined ? (
          'any machine'
        ) : (
          <a href={machinePath(machineId)}>{shownLine(job.machineName ?? machineId, 40)}</a>
        )}
      </div>
    </>
  );
}

/** A button that opens the available orders. */
function Orders({ job, back }: { job: AdminJob; back: string }) {
  const { id, status, attempt } = job;
  const mayCancel = (TRANSITIONS.cancel.from as readonly string[]).includes(status);
  const mayRequeue = (TRANSITIONS.retry.from as readonly string[]).includes(status);
  const warning = retryWarning(status);
  return (
    <details class="confirm">
      <summary class="button" aria-label={`Actions for job ${id}`}>
        Actions…
      </summary>
      <form method="post" action={`${PATHS.jobs}/${id}/order`} class="confirm-body">
        <input type="hidden" name="back" value={back} />
        <input type="hidden" name="attempt" value={attempt} />
        {warning && <p>Requeue: {warning}</p>}
        {mayRequeue && (
          <button type="submit" class="button" name="order" value="requeue">
            Requeue
          </button>
        )}{' '}
        {mayCancel && (
          <button type="submit" class="button button-danger" name="order" value="cancel">
            Cancel the job
          </button>
        )}
      </form>
    </details>
  );
}
