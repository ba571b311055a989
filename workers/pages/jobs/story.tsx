/** The story of a job on one line of time: queued, claimed, started, cancelled, ended. */

import { shown, shownLine } from '../design/shown.ts';
import { exactWords, lengthWords } from '../design/words.ts';
import { type MachineNames, nameOf } from '../parts/machines.ts';
import { Time } from '../parts/texts.tsx';
import type { ShownJob } from './about-job.ts';

interface Step {
  at: number;
  what: string;
  detail?: string | undefined;
}

export function Story({ job, names, now }: { job: ShownJob; names: MachineNames; now: number }) {
  return (
    <ol class="story">
      {stepsOf(job, names).map(({ at, what, detail }) => (
        <li title={exactWords(at)}>
          <p>
            {what} <Time at={at} now={now} />
          </p>
          {detail && <p class="quiet">{detail}</p>}
        </li>
      ))}
    </ol>
  );
}

/** Returns the steps, oldest first. */
export function stepsOf(job: ShownJob, names: MachineNames): Step[] {
  const steps: Step[] = [{ at: Date.parse(job.createdAt), what: 'Queued', detail: byWhom(job.createdBy) }];
  for (const attempt of job.attempts) steps.push(...stepsOfAttempt(attempt, names));
  for (const { at, action, by, detail } of job.events ?? []) {
    steps.push({
      at: Date.parse(at),
      what: ORDERS[action],
      detail: [byWhom(by), note(detail)].filter(Boolean).join('. '),
    });
  }
  if (job.cancel?.confirmedAt !== undefined) {
    const who = job.machineId === undefined ? 'the runner' : nameOf(names, job.machineId);
    steps.push({ at: Date.parse(job.cancel.confirmedAt), what: `Cancel confirmed by ${who}` });
  }
  return steps.sort((one, other) => one.at - other.at);
}

const ORDERS = { cancel: 'Cancelled', retry: 'Queued again', stopped: 'Agent stopped' } as const;

const ENDS = {
  completed: 'Completed',
  failed: 'Failed',
  cancelled: 'Ended',
  released: 'Returned to the queue',
  lost: 'Machine lost',
  revoked: 'Taken from the machine',
} as const;

function stepsOfAttempt(attempt: ShownJob['attempts'][number], names: MachineNames): Step[] {
  const { machineId, claimedAt, startedAt, finishedAt, outcome } = attempt;
  const steps: Step[] = [];
  if (claimedAt !== undefined) {
    const machine = machineId === undefined ? 'a worker' : nameOf(names, machineId);
    steps.push({
      at: Date.parse(claimedAt),
      what: `Claimed by ${machine}`,
      detail: `Attempt ${attempt.attempt}`,
    });
  }
  if (startedAt !== undefined) steps.push({ at: Date.parse(startedAt), what: 'Agent started' });
  // A cancel already has its own step, because it is an order.
  if (finishedAt !== undefined && outcome !== undefined && outcome !== 'cancelled') {
    const ranMs = startedAt === undefined ? undefined : Date.parse(finishedAt) - Date.parse(startedAt);
    const took = ranMs === undefined ? undefined : `Took ${lengthWords(Math.max(0, ranMs))}`;
    const why = outcome === 'completed' ? undefined : note(attempt.error);
    steps.push({
      at: Date.parse(finishedAt),
      what: ENDS[outcome],
      detail: [took, why].filter(Boolean).join('. '),
    });
  }
  return steps;
}

function byWhom(email: string | undefined): string | undefined {
  return email === undefined ? undefined : `By ${shownLine(email, 100)}`;
}

function note(text: string | undefined): string | undefined {
  return text === undefined ? undefined : shown(text, 300);
}
