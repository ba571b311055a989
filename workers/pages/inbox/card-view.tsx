/** Renders one card of the inbox: what happened, what happens next, and the buttons that resolve it. */

import type { CardAction, CardJob, CardKind, InboxCard } from '../../../spec/overview/inbox.ts';
import { shownLine } from '../design/shown.ts';
import { Badge, type Tone } from '../parts/badge.tsx';
import { Action, Confirm } from '../parts/forms.tsx';
import { Card } from '../parts/lists.tsx';
import { type MachineNames, nameOf } from '../parts/machines.ts';
import { Sentence, Time } from '../parts/texts.tsx';

const LOOKS: Record<CardKind, { tone: Tone; word: string }> = {
  lost_job: { tone: 'warn', word: 'lost' },
  failed_job: { tone: 'bad', word: 'failed' },
  waiting_session: { tone: 'calm', word: 'waiting' },
  silent_machine: { tone: 'warn', word: 'silent machine' },
  usage_limit: { tone: 'warn', word: 'usage limit' },
  sign_in: { tone: 'busy', word: 'sign-in' },
};

export function CardView({ card, names, now }: { card: InboxCard; names: MachineNames; now: number }) {
  const { tone, word } = LOOKS[card.kind];
  const machine = 'job' in card && card.machineId !== undefined ? nameOf(names, card.machineId) : undefined;
  return (
    <Card
      title={<Title card={card} />}
      aside={
        <>
          <Badge tone={tone}>{word}</Badge> <Time at={card.at} now={now} />
        </>
      }
      actions={card.kind === 'sign_in' ? <CodeField /> : <Orders card={card} />}
    >
      <p>
        <Sentence text={card.sentence} />
      </p>
      <p class="quiet">
        <Sentence text={card.next} />
      </p>
      {machine !== undefined && !card.sentence.includes(machine) && <p class="quiet">On {machine}</p>}
    </Card>
  );
}

function Title({ card }: { card: InboxCard }) {
  switch (card.kind) {
    case 'lost_job':
    case 'failed_job':
      return <JobLink job={card.job} />;
    case 'waiting_session':
      return card.jobs.length === 1 && card.jobs[0] !== undefined ? (
        <JobLink job={card.jobs[0]} />
      ) : (
        <a class="row-link" href="/jobs?status=queued">
          {card.jobCount} jobs wait
        </a>
      );
    case 'sign_in':
      return (
        <a class="row-link" href="/device">
          Sign in a terminal
        </a>
      );
    case 'silent_machine':
    case 'usage_limit':
      return (
        <a class="row-link" href={`/jobs?status=live&machineId=${card.machineId}`}>
          {shownLine(card.machineName, 80)}
        </a>
      );
  }
}

function JobLink({ job }: { job: CardJob }) {
  return (
    <a class="row-link" href={`/jobs/${job.id}`}>
      {shownLine(job.title, 120) || 'Review of an idea'}
    </a>
  );
}

/** Shows the buttons of a card. A card about several jobs has no buttons, because the list of these jobs has them. */
function Orders({ card }: { card: InboxCard }) {
  const jobIds = new Set(card.actions.map(({ jobId }) => jobId));
  if (jobIds.size !== 1) return null;
  return (
    <>
      {card.actions.map((action) => (
        <Order action={action} />
      ))}
    </>
  );
}

/** The page behind the form shows the terminal of the code, and asks for a decision. */
function CodeField() {
  return (
    <form method="get" action="/device" class="code-row">
      <input
        name="code"
        required
        maxlength={20}
        aria-label="Code of the terminal"
        placeholder="Code, like BCDF-GHJK"
        autocomplete="off"
        autocapitalize="characters"
        spellcheck={false}
        class="code"
      />
      <button type="submit" class="button button-main">
        Continue
      </button>
    </form>
  );
}

const BACK = { back: '/inbox' };

function Order({ action }: { action: CardAction }) {
  const path = `/jobs/${action.jobId}/${action.verb}`;
  switch (action.verb) {
    case 'retry': {
      const values = { ...BACK, attempt: action.expectedAttempt };
      return action.warning === undefined ? (
        <Action action={path} label="Retry" values={values} look="main" />
      ) : (
        <Confirm ask="Retry…" action={path} label="Retry anyway" values={values} look="main">
          <p>{action.warning}</p>
        </Confirm>
      );
    }
    case 'cancel':
      return (
        <Confirm ask="Cancel…" action={path} label="Cancel the job" values={BACK} look="danger">
          <p>The job ends and is not run again. What its agent has already done stays.</p>
        </Confirm>
      );
    case 'dismiss':
      return <Action action={`/inbox/${action.jobId}/dismiss`} label="Dismiss" />;
  }
}
