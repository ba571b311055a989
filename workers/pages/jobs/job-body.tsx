/** The page of one job: its prompt, its state, the available orders, its story, its answer and its transcript. */

import type { Child } from 'hono/jsx';
import { isTerminal } from '../../../spec/job/status.ts';
import { failureNextStep } from '../../../spec/overview/inbox.ts';
import { retryWarning } from '../../jobs/cancel-retry.ts';
import { shownLine } from '../design/shown.ts';
import { counted } from '../design/words.ts';
import { StatusBadge } from '../parts/badge.tsx';
import { Action, Confirm } from '../parts/forms.tsx';
import { Facts, Heading } from '../parts/lists.tsx';
import { type MachineNames, nameOf } from '../parts/machines.ts';
import { Prose } from '../parts/prose.tsx';
import { CopyableId, Exact, Sentence, Time } from '../parts/texts.tsx';
import { jobTitle, kindNoun, type ShownJob } from './about-job.ts';
import { Story } from './story.tsx';
import { type FirstEntries, type Search, Transcript } from './transcript.tsx';

interface Props {
  job: ShownJob;
  names: MachineNames;
  transcript: FirstEntries;
  /** The words to search for. Absent without a search. */
  search: Search | undefined;
  now: number;
}

export function JobBody({ job, names, transcript, search, now }: Props) {
  return (
    <>
      <div data-region="head">
        <Heading
          title={jobTitle(job)}
          aside={
            <>
              <StatusBadge status={job.status} /> {kindNoun(job.kind)}, queued{' '}
              <Time at={job.createdAt} now={now} />
              {job.attempt > 1 && <>, attempt {job.attempt}</>}
            </>
          }
          actions={<Orders job={job} />}
        />
        <State job={job} />
      </div>
      <div class="columns">
        <div class="column-main">
          <section>
            <h2>Prompt</h2>
            <Prompt text={job.prompt} />
          </section>
          <section data-region="answer">
            {job.content !== undefined && (
              <>
                <h2>Answer</h2>
                <Prose text={job.content} />
              </>
            )}
          </section>
          <Transcript job={job} first={transcript} search={search} />
        </div>
        <div class="column-side">
          <section data-region="story">
            <h2>Story</h2>
            <Story job={job} names={names} now={now} />
          </section>
          <section>
            <h2>Details</h2>
            <JobFacts job={job} names={names} />
          </section>
        </div>
      </div>
    </>
  );
}

/** Longer prompts are folded. */
const FOLD_CHARACTERS = 1500;

function Prompt({ text }: { text: string }) {
  if (text.length < FOLD_CHARACTERS) return <Prose text={text} />;
  return (
    <details class="fold">
      <summary>{counted(text.length, 'character')}</summary>
      <Prose text={text} />
    </details>
  );
}

/** Shows the orders that a person may give now. */
function Orders({ job }: { job: ShownJob }) {
  const path = `/jobs/${job.id}`;
  const isEnded = isTerminal(job.status);
  const warning = retryWarning(job.status);
  const values = { attempt: job.attempt };
  return (
    <>
      {job.status !== 'queued' &&
        (warning === undefined ? (
          <Action action={`${path}/retry`} label="Retry" values={values} />
        ) : (
          <Confirm ask="Retry…" action={`${path}/retry`} label="Retry anyway" values={values} look="main">
            <p>{warning}</p>
          </Confirm>
        ))}
      {!isEnded && (
        <Confirm ask="Cancel…" action={`${path}/cancel`} label="Cancel the job" look="danger">
          <p>
            {job.status === 'queued'
              ? 'The job leaves the queue and never runs.'
              : 'The runner stops the agent and confirms it. What the agent has already done stays.'}
          </p>
          <label class="field">
            Reason (optional)
            <input name="reason" maxlength={1000} />
          </label>
        </Confirm>
      )}
    </>
  );
}

/** Shows why the job does not run, or what went wrong. */
function State({ job }: { job: ShownJob }) {
  const { waiting, error } = job;
  if (waiting !== undefined) {
    return (
      <div class={`note note-${job.status === 'lost' ? 'warning' : 'plain'}`}>
        <p>
          <Sentence text={waiting.message} />
        </p>
        {waiting.note && (
          <p class="quiet">
            <Sentence text={waiting.note} />
          </p>
        )}
      </div>
    );
  }
  if (job.status === 'failed' && error !== undefined) {
    return (
      <div class="note note-error">
        <p>
          <Sentence text={error} limit={2000} />
        </p>
        <p>
          <Sentence text={failureNextStep(job.failureKind)} />
        </p>
      </div>
    );
  }
  return null;
}

/** The ids and options of a job. */
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
    ['Attempts', `${job.attempt}; at most ${job.maxAttempts} are automatic`],
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
