/** Reads jobs for their owner: lists, one job with its history, a transcript. */

import type { QueryOf, ReplyInput } from '../../spec/contract/endpoint.ts';
import type {
  listJobs as listRow,
  showJob as showRow,
  readTranscript as transcriptRow,
} from '../../spec/contract/jobs.ts';
import { PROMPT_START_CHARACTERS } from '../../spec/contract/jobs.ts';
import type { Result } from '../../spec/errors.ts';
import { accept, refuse } from '../../spec/errors.ts';
import { isTerminal, JOB_STATUSES } from '../../spec/job/status.ts';
import { clip } from '../../spec/text.ts';
import type { SignedIn } from '../accounts/authenticate.ts';
import type { Deps } from '../base/deps.ts';
import { isPassingFailure } from '../base/failures.ts';
import type { StoryEvent } from '../store/audit.ts';
import { noteRead, readStory } from '../store/audit.ts';
import { BRIEF_WAIT_MS, rowsOf } from '../store/database.ts';
import type { JobRow } from '../store/job-row.ts';
import { targetOf } from '../store/job-row.ts';
import type { AttemptRow, JobFilter, ListedJob } from '../store/jobs.ts';
import {
  FEW_LIVE,
  isNarrowed,
  isScan,
  readAttempts,
  readFewLive,
  readJobs,
  readScanEnd,
  readTexts,
} from '../store/jobs.ts';
import { findForPerson, noJob } from './fence.ts';
import type { JobView } from './job-view.ts';
import {
  readWaiting,
  surroundingsOf,
  viewAttempt,
  viewJob,
  viewLatestAttempt,
  waitingOf,
} from './job-view.ts';
import type { Source, TranscriptPlace } from './known-transcripts.ts';
import { recallPlace, rememberPlace } from './known-transcripts.ts';

export interface JobPage {
  jobs: JobView[];
  nextCursor: string | undefined;
}

/**
 * Lists jobs. A filtered page reads a bounded number of jobs, so it may have fewer than `limit` entries, or none, although
 * more pages follow. If more pages follow, it has a `nextCursor`.
 */
export async function listJobs(
  deps: Deps,
  user: SignedIn,
  query: QueryOf<typeof listRow>,
): Promise<Result<JobPage, 'invalid_input'>> {
  const filter = readFilter(query);
  if (!filter.ok) return filter;
  const { rows, lookedUntil } = await readPage(deps, user, { ...filter.value, limit: query.limit + 1 });
  const jobs = rows.slice(0, query.limit);

  // A running job has no waiting reason.
  const live = jobs.filter((job) => !isTerminal(job.status) && job.status !== 'running');
  const around = live.length > 0 ? await surroundingsOf(deps, user.id, live.map(targetOf)) : undefined;
  return accept({
    jobs: jobs.map((job) => ({
      ...viewJob(job, around && waitingOf(job, around, deps.now)),
      promptStart: titleOf(job),
    })),
    nextCursor: rows.length > query.limit ? jobs.at(-1)?.id : lookedUntil,
  });
}

async function readPage(
  deps: Deps,
  user: SignedIn,
  filter: JobFilter,
): Promise<{ rows: ListedJob[]; lookedUntil?: string | undefined }> {
  const near = filter.live && !isNarrowed(filter) ? await readNearPage(deps, user, filter) : undefined;
  if (near !== undefined) return { rows: near };
  const [found, end] = await deps.db.batch([
    readJobs(user.id, filter),
    ...(isScan(filter) ? [readScanEnd(user.id, filter.before)] : []),
  ]);
  return { rows: rowsOf<ListedJob>(found), lookedUntil: rowsOf<{ id: string }>(end)[0]?.id };
}

/** Returns a page of live jobs, newest first, if they are among the newest jobs, or if there are only a few. */
async function readNearPage(deps: Deps, user: SignedIn, filter: JobFilter): Promise<ListedJob[] | undefined> {
  const { limit, before } = filter;
  const [newest, few] = await deps.db.batch(readFewLive(user.id, filter));
  const [recent, all] = [rowsOf<ListedJob>(newest), rowsOf<ListedJob>(few)];
  const page = all.length < FEW_LIVE ? all.filter(({ id }) => before === undefined || id < before) : recent;
  if (page === recent && page.length < limit) return undefined;
  return page.toSorted((one, other) => (one.id < other.id ? 1 : -1)).slice(0, limit);
}

/** The title of a job: the start of its prompt on one short line. */
export function titleOf({ promptStart }: Pick<ListedJob, 'promptStart'>): string | undefined {
  const line = (promptStart ?? '').replaceAll(/\s+/g, ' ').trim();
  return line === '' ? undefined : clip(line, PROMPT_START_CHARACTERS);
}

const LIVE_STATUSES = JOB_STATUSES.filter((status) => !isTerminal(status));

/** `live` means every status that is not terminal. */
function readFilter(query: QueryOf<typeof listRow>): Result<JobFilter, 'invalid_input'> {
  const named = (query.status ?? '')
    .split(',')
    .map((status) => status.trim())
    .filter((status) => status !== '');
  const all = named.flatMap((status) => (status === 'live' ? LIVE_STATUSES : [status]));
  const unknown = all.find((status) => !(JOB_STATUSES as readonly string[]).includes(status));
  if (unknown !== undefined) {
    return refuse(
      'invalid_input',
      `status: there is no status ${unknown}.`,
      `Use live, or any of ${JOB_STATUSES.join(', ')}.`,
    );
  }
  // Live jobs have their own index.
  const live = all.length > 0 && all.every((status) => (LIVE_STATUSES as readonly string[]).includes(status));
  return accept({
    statuses: live && LIVE_STATUSES.every((status) => all.includes(status)) ? [] : all,
    live,
    kind: query.kind,
    ideaId: query.ideaId,
    machineId: query.machineId,
    before: query.cursor || undefined,
    limit: query.limit,
  });
}

export async function showJob(
  deps: Deps,
  user: SignedIn,
  jobId: string,
): Promise<Result<ReplyInput<typeof showRow>['job'], 'not_found'>> {
  const job = await findForPerson(deps, user, jobId);
  if (job === undefined) return noJob(jobId);
  await noteForeignRead(deps, user, job);
  const [texts, earlier, story] = await deps.db.batch([
    readTexts(job.userId, job.id),
    readAttempts(job.userId, job.id),
    readStory(job.userId, job.id),
  ]);
  const { prompt = '', content = null } = (texts?.rows[0] ?? {}) as {
    prompt?: string;
    content?: string | null;
  };
  const latest = viewLatestAttempt(job, content);
  const attempts = rowsOf<AttemptRow>(earlier).map(viewAttempt);
  const givenBackBecause = latest === undefined ? whyGivenBack(attempts.at(-1)) : undefined;
  const waiting = isTerminal(job.status) ? undefined : await readWaiting(deps, { ...job, givenBackBecause });
  return accept({
    ...viewJob(job, waiting),
    prompt,
    content: content ?? undefined,
    attempts: latest === undefined ? attempts : [...attempts, latest],
    events: rowsOf<StoryEvent>(story).map(viewEvent),
  });
}

/** Returns the reason of a holder that returned the job. A sweep gives no reason. */
function whyGivenBack(last: ReturnType<typeof viewAttempt> | undefined): string | undefined {
  return last?.outcome === 'released' ? last.error : undefined;
}

function viewEvent({ at, action, by, detail }: StoryEvent) {
  return { at: new Date(at).toISOString(), action, by: by ?? undefined, detail: detail ?? undefined };
}

/** Records in the audit log that an operator has read a job of another account. */
async function noteForeignRead(deps: Deps, user: SignedIn, job: JobRow): Promise<void> {
  if (job.userId === user.id) return;
  await noteRead(deps.db, { at: deps.now, actor: user.id, source: 'api', job });
}

export type TranscriptPage = Omit<ReplyInput<typeof transcriptRow>, 'ok'>;

interface Position {
  leaseCount: number;
  seq: number;
}

/** Returns the entries after the cursor, in order, across all attempts and machines. */
export async function readTranscript(
  deps: Deps,
  user: SignedIn,
  { jobId, cursor, limit }: { jobId: string; cursor: string | undefined; limit: number },
): Promise<Result<TranscriptPage, 'not_found' | 'invalid_input'>> {
  const from = readPosition(cursor);
  if (from === undefined) {
    return refuse(
      'invalid_input',
      'cursor: this transcript did not issue it.',
      'Omit it to read from the beginning.',
    );
  }
  const found = await findTranscript(deps, user, jobId);
  if (found === undefined) return noJob(jobId);
  const { job } = found;
  const sources = found.sources.filter((source) => source.leaseCount >= from.leaseCount);

  const entries: TranscriptPage['entries'] = [];
  let at = from;
  const runs = runsOf(sources);
  for (let first = 0; first < runs.length; first += RUNS_AT_ONCE) {
    // Read one more entry than requested, to know whether another page follows.
    const pages = await readRuns(deps, job.userId, {
      runs: runs.slice(first, first + RUNS_AT_ONCE),
      from,
      limit: limit + 1 - entries.length,
    });
    for (const { parts, hasMore } of pages) {
      for (const { source, entry } of parts) {
        if (entries.length === limit) return accept({ ...pageOf(job, entries, at), hasMore: true });
        at = { leaseCount: source.leaseCount, seq: entry.seq };
        const time = new Date(entry.at).toISOString();
        entries.push({ ...entry, attempt: source.attempt, cursor: cursorAt(at), at: time });
      }
      if (hasMore) return accept({ ...pageOf(job, entries, at), hasMore: true });
    }
  }
  return accept({ ...pageOf(job, entries, at), hasMore: false });
}

/** Consecutive attempts of one machine are read in one call. */
type Run = [Source, ...Source[]];

/** The server reads from this many machines at the same time. Each returns a few mebibytes at most. */
const RUNS_AT_ONCE = 4;

function runsOf(sources: readonly Source[]): Run[] {
  const runs: Run[] = [];
  for (const source of sources) {
    const last = runs.at(-1);
    if (last?.[0].machineId === source.machineId) last.push(source);
    else runs.push([source]);
  }
  return runs;
}

async function readRuns(
  deps: Deps,
  userId: string,
  { runs, from, limit }: { runs: readonly Run[]; from: Position; limit: number },
) {
  return Promise.all(
    runs.map(async (run) => {
      const [{ machineId, leaseCount }] = run;
      const afterSeq = leaseCount === from.leaseCount ? from.seq : 0;
      const leaseIds = run.map((source) => source.leaseId);
      const { parts, hasMore } = await deps.machines.call({ userId, machineId }, async (stub) =>
        stub.readTranscripts(leaseIds, { afterSeq, limit }),
      );
      const sourceOf = new Map(run.map((source) => [source.leaseId, source]));
      return {
        hasMore,
        parts: parts.flatMap(({ leaseId, entries }) => {
          const source = sourceOf.get(leaseId) ?? run[0];
          return entries.map((entry) => ({ source, entry }));
        }),
      };
    }),
  );
}

function pageOf(job: TranscriptPlace['job'], entries: TranscriptPage['entries'], at: Position) {
  return { entries, nextCursor: cursorAt(at), status: job.status };
}

/** Formats a position in the transcript of a job: the lease, and the number within it. */
export function cursorAt({ leaseCount, seq }: Position): string {
  return `${leaseCount}-${seq}`;
}

function readPosition(cursor: string | undefined): Position | undefined {
  if (cursor === undefined || cursor === '') return { leaseCount: 0, seq: 0 };
  const match = /^(\d{1,9})-(\d{1,10})$/.exec(cursor);
  return match ? { leaseCount: Number(match[1]), seq: Number(match[2]) } : undefined;
}

/** Finds the transcript. While D1 does not answer, uses the cache of this isolate. */
async function findTranscript(
  deps: Deps,
  user: SignedIn,
  jobId: string,
): Promise<TranscriptPlace | undefined> {
  const known = recallPlace(user.id, jobId, deps.now);
  const patient = known === undefined ? deps : { ...deps, db: deps.db.within(BRIEF_WAIT_MS) };
  try {
    const job = await findForPerson(patient, user, jobId);
    if (job === undefined) return undefined;
    await noteForeignRead(patient, user, job);
    const place = { job, sources: await sourcesOf(patient, job) };
    rememberPlace(place, deps.now);
    return place;
  } catch (error) {
    if (known === undefined || !isPassingFailure(error)) throw error;
    deps.log('transcript_from_memory', { jobId });
    return known;
  }
}

async function sourcesOf(deps: Deps, job: JobRow): Promise<Source[]> {
  const earlier = job.leaseCount > 0 ? await deps.db.all<AttemptRow>(readAttempts(job.userId, job.id)) : [];
  const sources: Source[] = [];
  for (const one of [...earlier, job]) {
    // An attempt that ended before its start has no output, so the server does not ask its machine.
    if (one.leaseId === null || one.machineId === null) continue;
    if ('outcome' in one && one.outcome === 'released' && one.startedAt === null) continue;
    sources.push({
      leaseCount: one.leaseCount,
      attempt: one.attempt,
      leaseId: one.leaseId,
      machineId: one.machineId,
    });
  }
  return sources;
}
