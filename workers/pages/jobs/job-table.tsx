/** A table of jobs: title, state, place and time. */

import { StatusBadge } from '../parts/badge.tsx';
import { type Column, Table } from '../parts/lists.tsx';
import { type MachineNames, nameOf } from '../parts/machines.ts';
import { Sentence, Time } from '../parts/texts.tsx';
import { folderName, jobSentence, jobTitle, type ListedJob } from './about-job.ts';

interface Props {
  label: string;
  jobs: readonly ListedJob[];
  names: MachineNames;
  now: number;
}

export function JobTable({ label, jobs, names, now }: Props) {
  const columns: Column<ListedJob>[] = [
    {
      head: 'Job',
      place: 'title',
      cell: (job) => (
        <>
          <a class="row-link" href={`/jobs/${job.id}`}>
            {jobTitle(job)}
          </a>
          <div class="quiet clamp">
            <Sentence text={jobSentence(job)} limit={300} />
          </div>
        </>
      ),
    },
    { head: 'Status', place: 'side', cell: (job) => <StatusBadge status={job.status} /> },
    { head: 'Where', place: 'below', cell: (job) => <Where job={job} names={names} /> },
    { head: 'Queued', place: 'below', cell: (job) => <Time at={job.createdAt} now={now} /> },
  ];
  return <Table label={label} look="jobs" columns={columns} rows={jobs} />;
}

/** Shows the machine and repository that hold the job, or else the machine and repository that the job names. */
function Where({ job, names }: { job: ListedJob; names: MachineNames }) {
  const machineId = job.machineId ?? job.target.machineId;
  const projectRoot = job.projectRoot ?? job.target.projectRoot;
  const parts = [
    ...(machineId === undefined ? [] : [nameOf(names, machineId)]),
    ...(projectRoot === undefined ? [] : [folderName(projectRoot)]),
  ];
  return <span>{parts.join(' · ') || 'any machine'}</span>;
}
