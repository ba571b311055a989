/** The ids and options of a job. */

import type { Child } from 'hono/jsx';
import { shownLine } from '../design/shown.ts';
import { Facts } from '../parts/lists.tsx';
import { type MachineNames, nameOf } from '../parts/machines.ts';
import { CopyableId, Exact } from '../parts/texts.tsx';
import type { ShownJob } from './about-job.ts';

const LEASE_LOSS = {
  hold: 'wait for the machine or for you',
  requeue: 'run it again by itself',
} as const;

export function JobFacts({ job, names }: { job: ShownJob; names: MachineNames }) {
  const { target } = job;
  const machineId = job.machineId ?? target.machineId;
  const projectRoot = job.projectRoot ?? target.projectRoot;
  const session = job.orpSessionId ?? target.orpSessionId;
  const agentSession = job.codexSessionId ?? target.codexSessionId;
  const facts: (readonly [string, Child | undefined])[] = [
    ['Job', <CopyableId id={job.id} label="job id" />],
    ['Machine', machineId && nameOf(names, machineId)],
    ['Repository', projectRoot && <code>{shownLine(projectRoot, 300)}</code>],
    ['Session', (session ?? agentSession) && <Session name={session} id={agentSession} />],
    ['Agent session', agentSession && <CopyableId id={agentSession} label="agent session id" />],
    ['Idea', job.ideaId && <a href={`/ideas/${job.ideaId}`}>{shownLine(job.ideaId)}</a>],
    ['Sent by', job.createdBy && shownLine(job.createdBy)],
    ['Priority', job.priority === 0 ? undefined : String(job.priority)],
    ['Not before', job.notBefore && <Exact at={job.notBefore} />],
    ['Expires', job.status === 'queued' ? <Exact at={job.expiresAt} /> : undefined],
    ['If the machine is lost', LEASE_LOSS[job.onLeaseLoss]],
    ['Attempts', `${job.attempt} (at most ${job.maxAttempts} by itself)`],
  ];
  return <Facts facts={facts} />;
}

/** Shows the session of the job, with a link to the conversation if the agent session is known. */
function Session({ name, id }: { name: string | undefined; id: string | undefined }) {
  const words = shownLine(name ?? 'conversation');
  return id === undefined ? (
    <span>{words}</span>
  ) : (
    <a href={`/sessions/${encodeURIComponent(id)}`}>{words}</a>
  );
}
