/**
 * `orp job watch`: the live jobs, redrawn as they change. In a pipe it prints a line per change, and with `--json` a document
 * per change.
 *
 * It asks for all live jobs in one request: every 2 s while something changes, and gradually less often (up to every 15 s) while nothing
 * changes. For each job that has ended, one more request reads how it ended.
 */

import { listJobs, showJob } from '../../spec/contract/jobs.ts';
import { isTerminal, type JobStatus } from '../../spec/job/status.ts';
import { call, requireOffer } from '../client/call.ts';
import { type Client, signedInClient } from '../client/client.ts';
import { isOutage, NO_RETRY } from '../client/retry.ts';
import { ServerError } from '../client/server-error.ts';
import { wholeId } from '../hosted/whole-id.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { LiveScreen, type ScreenSize } from '../output/live/live-screen.ts';
import { clock, joined, said, table } from '../output/page.ts';
import { printJsonLine } from '../output/print.ts';
import { bare, paint, type Rich } from '../output/text-output.ts';
import { cutToWidth } from '../output/text-width.ts';
import { jobRows } from './job-pages.ts';
import type { JobView } from './job-types.ts';

export interface WatchOptions extends CommonOptions {
  ideaId?: string;
}

const MOST_JOBS = 100;
/** Jobs that ended while the command ran. Older ones leave the page. */
const MOST_ENDED = 50;
const FIRST_PAUSE_MS = 2_000;
const LAST_PAUSE_MS = 15_000;
const GROWTH = 1.3;

/** The state of the jobs after the last request. */
interface Watched {
  live: JobView[];
  /** Newest first. */
  ended: JobView[];
  hasMore: boolean;
  /** The problem of the last request. Empty if it was answered. */
  outage: string;
}

export async function watch(context: Context, options: WatchOptions): Promise<void> {
  const client = await signedInClient(context);
  await requireOffer(client, 'jobs');
  const ideaId = await wholeId(client, 'idea', options.ideaId);
  const state: Watched = { live: [], ended: [], hasMore: false, outage: '' };
  const stop = new AbortController();
  const follow = (onChange: (changed: readonly JobView[]) => void, hurry?: Hurry) =>
    followJobs({ ...client, retry: NO_RETRY }, { state, ideaId, stop: stop.signal, onChange, hurry });
  if (context.form !== 'page') return follow((changed) => printChanges(context, changed));

  const hurry: Hurry = { now: () => undefined };
  const screen = new LiveScreen(
    context,
    (size) => pageOf(state, { size, now: context.now() }),
    (key) => {
      if (END_KEYS.test(key)) stop.abort();
      else hurry.now();
    },
  );
  try {
    screen.open();
    await follow(screen.draw, hurry);
  } finally {
    screen.close();
  }
}

/** The keys that end the command: `q`, Ctrl-C, Ctrl-D, and Escape alone. Control characters are written as `visible` returns them. */
const END_KEYS = /^(q|Q|\\u0003|\\u0004|\\u001b)$/;

/** Ends the pause between two requests. */
interface Hurry {
  now: () => void;
}

interface Following {
  state: Watched;
  ideaId: string | undefined;
  stop: AbortSignal;
  onChange: (changed: readonly JobView[]) => void;
  hurry: Hurry | undefined;
}

/** Asks until the signal aborts. Outages do not end it; a refusal by the server does. */
async function followJobs(
  client: Client,
  { state, ideaId, stop, onChange, hurry }: Following,
): Promise<void> {
  let pauseMs = FIRST_PAUSE_MS;
  while (!stop.aborted) {
    const changed = await look(client, { state, ideaId, stop });
    if (stop.aborted) return;
    // Ages and the outage change as well, so the page is drawn after every request.
    onChange(changed);
    pauseMs = changed.length > 0 ? FIRST_PAUSE_MS : Math.min(LAST_PAUSE_MS, pauseMs * GROWTH);
    const awake = new AbortController();
    if (hurry !== undefined) hurry.now = () => awake.abort();
    // Only aborting makes it fail.
    await client.sleep(pauseMs, AbortSignal.any([stop, awake.signal])).catch(() => undefined);
    if (awake.signal.aborted) pauseMs = FIRST_PAUSE_MS;
  }
}

type Looking = Pick<Following, 'state' | 'ideaId' | 'stop'>;

/** Brings the state up to date. Returns the jobs that are new, and the jobs whose status or waiting reason has changed. */
async function look(client: Client, { state, ideaId, stop }: Looking): Promise<JobView[]> {
  try {
    const query = { status: 'live', ideaId, limit: MOST_JOBS };
    const { jobs, hasMore } = await call(client, listJobs, { query, signal: stop });
    const known = new Map([...state.ended, ...state.live].map((job) => [job.id, job]));
    const isGone = ({ id }: JobView) => !jobs.some((job) => job.id === id);
    // If there are more jobs than the answer can have, a job may be missing although it is live.
    const gone = hasMore ? [] : state.live.filter(isGone);
    const ended: JobView[] = [];
    for (const { id } of gone) {
      ended.push((await call(client, showJob, { params: { jobId: id }, signal: stop })).job);
    }
    state.live = jobs;
    state.hasMore = hasMore;
    // A retry makes an ended job live again.
    state.ended = [...ended, ...state.ended].filter(isGone).slice(0, MOST_ENDED);
    state.outage = '';
    return [...jobs.toReversed(), ...ended].filter((job) => hasChanged(known.get(job.id), job));
  } catch (error) {
    if (stop.aborted) return [];
    if (!(error instanceof ServerError) || !isOutage(error)) throw error;
    state.outage = error.message;
    return [];
  }
}

function hasChanged(before: JobView | undefined, now: JobView): boolean {
  return before?.status !== now.status || before.waiting?.message !== now.waiting?.message;
}

function printChanges(context: Context, changed: readonly JobView[]): void {
  for (const job of changed) {
    const at = new Date(context.now()).toISOString();
    if (context.json) printJsonLine(context, { at, job });
    else context.stdout.write(`${[at, job.id, job.status, job.waiting?.message ?? ''].join(' ').trim()}\n`);
  }
}

function pageOf(state: Watched, { size, now }: { size: ScreenSize; now: number }): Rich[] {
  const { live, ended, outage } = state;
  const foot: Rich =
    outage === ''
      ? paint('dim', cutToWidth(`updated ${clock(now)} · any key: look now · q: quit`, size.columns))
      : said('warning', cutToWidth(`${outage} Trying again.`, size.columns - 2));
  const room = Math.max(1, size.rows - HEAD_AND_FOOT);
  const all = [...live.filter(isAtWork), ...live.filter((job) => !isAtWork(job)), ...ended];
  const shown = all.slice(0, all.length > room ? room - 1 : room);
  return [
    headOf(state, size.columns),
    '',
    ...(all.length === 0 ? [paint('dim', 'New jobs appear here.')] : linesOf(shown, now, size.columns)),
    ...(shown.length < all.length ? [paint('dim', `… and ${all.length - shown.length} more`)] : []),
    '',
    foot,
  ];
}

/** The number of other lines on the page: the headline, two blank lines, the column headings and the footer. */
const HEAD_AND_FOOT = 5;

function headOf({ live, hasMore }: Watched, columns: number): Rich {
  const count = (status: JobStatus) => live.filter((job) => job.status === status).length;
  const running = live.filter(isAtWork).length;
  const lost = count('lost');
  if (live.length === 0) return said('idle', 'No job is running or waiting.');
  const words = joined([
    `${running} running`,
    `${count('queued')}${hasMore ? ' or more' : ''} waiting`,
    lost === 0 ? '' : paint('red', `${lost} lost`),
  ]);
  return bare(words).length + 2 > columns
    ? `${running}/${live.length}`
    : said(running > 0 ? 'busy' : 'idle', words);
}

function isAtWork({ status }: JobView): boolean {
  return status !== 'queued' && status !== 'lost' && !isTerminal(status);
}

function linesOf(jobs: readonly JobView[], now: number, columns: number): Rich[] {
  const rows = jobRows(jobs, now).map((row, at) => {
    const { waiting, error, summary, status } = jobs[at] ?? {};
    const news = status === 'completed' ? summary : (error ?? waiting?.message);
    const [id, age, state, what] = row;
    const text = [what?.text, news].filter((part) => part !== undefined && part !== '').join(' · ');
    return [id, age, state, { text }].map((cell) => cell ?? { text: '' });
  });
  const page = table(['JOB', 'AGE', 'STATUS', 'WHAT'], rows, columns);
  return Array.isArray(page) ? page.map((line: Rich) => line) : [page];
}
