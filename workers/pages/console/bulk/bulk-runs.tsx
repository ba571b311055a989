/** The list of bulk runs, and the page of one run with its progress. */

import { accept } from '../../../../spec/errors.ts';
import { type BulkView, showBulk } from '../../../overview/bulk.ts';
import { shownLine } from '../../design/shown.ts';
import { counted } from '../../design/words.ts';
import type { PageRequest } from '../../frame/page.ts';
import { Badge, type Tone } from '../../parts/badge.tsx';
import { pathWith } from '../../parts/filter.tsx';
import { Confirm } from '../../parts/forms.tsx';
import { type Column, Facts, Table } from '../../parts/lists.tsx';
import { Empty } from '../../parts/notes.tsx';
import { Exact, Time } from '../../parts/texts.tsx';
import { ConsoleHeading } from '../console-heading.tsx';
import { bulkPath, PATHS } from '../paths.ts';

const TONES: Record<BulkView['state'], Tone> = { running: 'busy', completed: 'good', aborted: 'warn' };

export function BulkRuns({ runs, now }: { runs: readonly BulkView[]; now: number }) {
  if (runs.length === 0) return <Empty title="No run yet" />;
  const columns: Column<BulkView>[] = [
    {
      head: 'Run',
      place: 'title',
      cell: (run) => (
        <>
          <a class="row-link" href={bulkPath(run.name)}>
            {run.name}
          </a>
          <div class="quiet clamp">{filterWords(run)}</div>
        </>
      ),
    },
    { head: 'State', place: 'side', cell: ({ state }) => <Badge tone={TONES[state]}>{state}</Badge> },
    { head: 'Ordered', place: 'below', cell: ({ done, count }) => `${done} of ${count}` },
    { head: 'Started', place: 'below', cell: ({ createdAt }) => <Time at={createdAt} now={now} /> },
  ];
  return <Table label="Bulk runs" columns={columns} rows={runs} />;
}

const WORDS: Readonly<Record<string, string>> = { machineId: 'machine', ideaId: 'idea' };

/** Describes the order of a run in words. */
function filterWords({ action, filter }: BulkView): string {
  const set = Object.entries(filter).flatMap(([name, value]) =>
    value ? [`${WORDS[name] ?? name} is ${shownLine(value, 60)}`] : [],
  );
  const verb = action === 'cancel' ? 'Cancel' : 'Requeue';
  return `${verb} ${set.length === 0 ? 'all jobs' : `all jobs where ${set.join(' and ')}`}`;
}

export async function runPage({ params, deps }: PageRequest) {
  const found = await showBulk(deps, params.name ?? '');
  if (!found.ok) return found;
  const run = found.value;
  const isRunning = run.state === 'running';
  return accept({
    title: `Bulk run ${run.name}`,
    place: 'console' as const,
    ...(isRunning ? { liveSeconds: 2 } : {}),
    body: (
      <>
        <ConsoleHeading title={run.name} part="bulk" aside={`${filterWords(run)}.`} isLive={isRunning} />
        <div class="card">
          <div data-region="progress" role="status">
            <Progress run={run} />
          </div>
          <div class="actions" data-region="orders">
            {isRunning && <Orders run={run} />}
          </div>
        </div>
        <section aria-labelledby="details-title">
          <h2 id="details-title">Details</h2>
          <div data-region="details">
            <Details run={run} now={deps.now} />
          </div>
        </section>
      </>
    ),
  });
}

function Progress({ run }: { run: BulkView }) {
  const { state, done, skipped, count } = run;
  const past = run.action === 'cancel' ? 'cancelled' : 'requeued';
  return (
    <>
      <p>
        <Badge tone={TONES[state]}>{state}</Badge> {done.toLocaleString('en')} of {counted(count, 'job')}{' '}
        {past}
        {skipped > 0 && `, ${skipped.toLocaleString('en')} left out because they had changed`}.
      </p>
      <progress
        class="progress"
        value={Math.min(done + skipped, count)}
        max={Math.max(count, 1)}
        aria-label="Progress"
      >
        {done} of {count}
      </progress>
    </>
  );
}

/** Shows a run. With scripting, the open page requests the steps of the run. */
function Orders({ run }: { run: BulkView }) {
  const path = bulkPath(run.name);
  return (
    <>
      <form method="post" action={`${path}/advance`} class="action" data-drive data-noscript>
        <button type="submit" class="button">
          Do the next step now
        </button>
      </form>
      <Confirm ask="Abort…" action={`${path}/abort`} label="Abort the run" look="danger">
        <p>Jobs that the run has already changed stay changed. No other job is changed.</p>
      </Confirm>
    </>
  );
}

function Details({ run, now }: { run: BulkView; now: number }) {
  return (
    <Facts
      facts={[
        ['Started by', `${shownLine(run.createdBy, 80)}`],
        ['Started', <Exact at={run.createdAt} />],
        ['Last step', <Time at={run.updatedAt} now={now} />],
        ['Ended', run.finishedAt && <Exact at={run.finishedAt} />],
        ['Aborted by', run.abortedBy && shownLine(run.abortedBy, 80)],
        ['Reason', run.reason && shownLine(run.reason, 300)],
        ['Jobs', <a href={pathWith(PATHS.jobs, run.filter)}>Jobs that match its filter now</a>],
        [
          'Pace',
          run.state === 'running'
            ? 'The server orders 60 jobs a minute. This page, while it is open, orders them faster.'
            : undefined,
        ],
      ]}
    />
  );
}
