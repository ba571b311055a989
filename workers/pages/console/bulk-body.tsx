/** Renders bulk orders. */

import type { Refusal } from '../../../spec/errors.ts';
import { JOB_STATUSES } from '../../../spec/job/status.ts';
import type { BulkView } from '../../overview/bulk.ts';
import { shownLine } from '../design/shown.ts';
import { Badge, type Tone } from '../parts/badge.tsx';
import { Action, Confirm, Field, Select } from '../parts/forms.tsx';
import { type Column, Facts, Table } from '../parts/lists.tsx';
import { ErrorNote } from '../parts/notes.tsx';
import { Exact, Time } from '../parts/texts.tsx';
import type { BulkDraft } from './bulk-draft.ts';
import { ConsoleHeading } from './console-heading.tsx';
import { bulkPath, PATHS } from './paths.ts';

interface Props {
  draft: BulkDraft;
  /** The number of jobs that match. Undefined if the person has not asked yet, or if the filter was refused. */
  matching: { count: number; isExact: boolean } | undefined;
  runs: readonly BulkView[];
  refusal: Refusal | undefined;
  now: number;
}

const ACTIONS = [
  { value: 'cancel', label: 'Cancel' },
  { value: 'requeue', label: 'Requeue' },
];
const STATUSES = [
  { value: '', label: 'As usual for the order' },
  { value: 'live', label: 'Not ended' },
  ...JOB_STATUSES.map((status) => ({ value: status, label: status })),
];
const KINDS = [
  { value: '', label: 'Any kind' },
  { value: 'session.prompt', label: 'Prompts' },
  { value: 'idea.checkpoint', label: 'Reviews' },
];

export function BulkBody({ draft, matching, runs, refusal, now }: Props) {
  return (
    <>
      <ConsoleHeading
        part="bulk"
        title="Bulk orders"
        aside="Cancel or requeue all jobs that match a filter."
      />
      <ErrorNote refusal={refusal} />
      <form method="get" action={PATHS.bulk} class="sheet grid-form">
        <Field name="action" label="Order">
          <Select name="action" value={draft.action} options={ACTIONS} />
        </Field>
        <Field
          name="status"
          label="Jobs that are"
          help="Usual: not ended (cancel), lost or failed (requeue)."
        >
          <Select name="status" value={draft.filter.status ?? ''} options={STATUSES} />
        </Field>
        <Field name="kind" label="Kind">
          <Select name="kind" value={draft.filter.kind ?? ''} options={KINDS} />
        </Field>
        <Words name="account" label="Account (id or e-mail)" value={draft.filter.account} />
        <Words name="machineId" label="Machine id" value={draft.filter.machineId} />
        <Words name="ideaId" label="Idea id" value={draft.filter.ideaId} />
        <button type="submit" class="button">
          Count the jobs
        </button>
      </form>
      {matching && <Start draft={draft} matching={matching} />}
      <section data-region="runs">
        <h2>Orders</h2>
        {runs.length === 0 ? <p class="quiet">None yet.</p> : <Runs runs={runs} now={now} />}
      </section>
    </>
  );
}

function Words({ name, label, value }: { name: string; label: string; value: string | undefined }) {
  return (
    <Field name={name} label={label}>
      <input id={`field-${name}`} name={name} value={value} maxlength={200} autocomplete="off" />
    </Field>
  );
}

function Start({
  draft,
  matching: { count, isExact },
}: {
  draft: BulkDraft;
  matching: { count: number; isExact: boolean };
}) {
  const verb = draft.action === 'requeue' ? 'Requeue' : 'Cancel';
  if (count === 0) return <p class="note note-plain">No job matches.</p>;
  const words = `${isExact ? '' : 'at least '}${count.toLocaleString('en')} ${count === 1 ? 'job' : 'jobs'}`;
  return (
    <section>
      <h2>
        {verb} {words}
      </h2>
      <form method="post" action={PATHS.bulk} class="sheet narrow-form">
        {Object.entries({ ...draft.filter, action: draft.action, count: String(count) }).map(
          ([name, value]) => (
            <input type="hidden" name={name} value={value} />
          ),
        )}
        <Field
          name="name"
          label="Name of this order"
          help="Letters, digits and . _ -. The same name never runs twice."
        >
          <input
            id="field-name"
            name="name"
            value={draft.name}
            required
            maxlength={64}
            pattern="[A-Za-z0-9][A-Za-z0-9._\-]*"
            aria-describedby="help-name"
            autocomplete="off"
          />
        </Field>
        <Field name="reason" label="Reason (optional)">
          <input id="field-reason" name="reason" value={draft.reason} maxlength={1000} />
        </Field>
        {draft.action === 'requeue' && <p class="note note-warning">Prompts of lost jobs may run twice.</p>}
        <button type="submit" class="button button-danger-main">
          {verb} {words}
        </button>
      </form>
    </section>
  );
}

const TONES: Record<BulkView['state'], Tone> = { running: 'busy', completed: 'good', aborted: 'warn' };

function Runs({ runs, now }: { runs: readonly BulkView[]; now: number }) {
  const columns: Column<BulkView>[] = [
    {
      head: 'Order',
      place: 'title',
      cell: ({ name, action }) => (
        <a class="row-link" href={bulkPath(name)}>
          {name} <span class="quiet">{action}</span>
        </a>
      ),
    },
    { head: 'State', place: 'side', cell: ({ state }) => <Badge tone={TONES[state]}>{state}</Badge> },
    { head: 'Jobs', place: 'below', cell: (run) => <Progress run={run} /> },
    { head: 'By', place: 'below', cell: ({ createdBy }) => shownLine(createdBy, 60) },
    { head: 'Started', place: 'below', cell: ({ createdAt }) => <Time at={createdAt} now={now} /> },
  ];
  return <Table label="Bulk orders" columns={columns} rows={runs} />;
}

function Progress({ run: { done, skipped, count } }: { run: BulkView }) {
  return (
    <span>
      {done} of {count}
      {skipped > 0 && `, ${skipped} skipped`}
    </span>
  );
}

export function RunBody({ run, now }: { run: BulkView; now: number }) {
  const filter = Object.entries(run.filter).map(([key, value]) => `${key}=${String(value)}`);
  return (
    <>
      <div data-region="run">
        <ConsoleHeading
          part="bulk"
          title={`${run.action === 'cancel' ? 'Cancel' : 'Requeue'}: ${run.name}`}
          aside={
            <>
              <Badge tone={TONES[run.state]}>{run.state}</Badge> started <Time at={run.createdAt} now={now} />
            </>
          }
        />
        <progress
          max={Math.max(1, run.count)}
          value={run.state === 'completed' ? Math.max(1, run.count) : run.done + run.skipped}
        >
          {run.done} of {run.count}
        </progress>
        <Facts
          facts={[
            ['Ordered', `${run.done} of ${run.count}`],
            ['Skipped', run.skipped > 0 ? `${run.skipped} (they had changed meanwhile)` : undefined],
            ['Filter', filter.length === 0 ? 'all jobs' : <code>{shownLine(filter.join(' '), 400)}</code>],
            ['Reason', run.reason && shownLine(run.reason, 400)],
            ['By', shownLine(run.createdBy, 100)],
            ['Ended', run.finishedAt && <Exact at={run.finishedAt} />],
            ['Aborted by', run.abortedBy && shownLine(run.abortedBy, 100)],
          ]}
        />
      </div>
      {run.state === 'running' && (
        <div class="actions">
          <Action action={`${bulkPath(run.name)}/advance`} label="Do the next 20 now" />
          <Confirm ask="Abort…" action={`${bulkPath(run.name)}/abort`} label="Abort the order" look="danger">
            <p>What was ordered stays ordered; the other jobs are left alone.</p>
          </Confirm>
        </div>
      )}
    </>
  );
}
