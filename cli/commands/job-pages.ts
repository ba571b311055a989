/** The terminal pages of `orp job submit|list|wait`. */

import type { ReplyOf } from '../../spec/contract/endpoint.ts';
import type { enqueueJob } from '../../spec/contract/jobs.ts';
import { rulesOf } from '../../spec/job/kinds.ts';
import { shellWord } from '../base/shell-word.ts';
import { parseTimestamp } from '../files/timestamps.ts';
import { type JobEnd, shortIds, statusStyle } from '../output/job-words.ts';
import { age, type Cell, said, table } from '../output/page.ts';
import { capitalise } from '../output/terminal.ts';
import type { Rich } from '../output/text-output.ts';
import type { JobStory, JobView, ListOptions, Page } from './job-types.ts';

/** The page for a queued job, with the next commands. */
export function submittedPage({ job, created }: ReplyOf<typeof enqueueJob>): Rich {
  const [short = job.id] = shortIds([job.id]);
  const where = job.waiting?.message;
  return [
    said('done', created ? `Queued ${job.id}` : `Already queued as ${job.id}, now ${job.status}`),
    where === undefined ? '' : said('note', where),
    job.waiting?.note === undefined ? '' : said('warning', job.waiting.note),
    said('next', `orp job wait ${shellWord(short)}`),
    said('next', `orp job logs ${shellWord(short)} --follow`),
  ];
}

/** How a job ended, in the server's words. */
export function endOf(job: JobStory): JobEnd {
  const at = parseTimestamp(job.finishedAt ?? job.updatedAt) ?? 0;
  const startedAt = job.startedAt === undefined ? undefined : parseTimestamp(job.startedAt);
  const outcome = job.status === 'completed' || job.status === 'cancelled' ? job.status : 'failed';
  return {
    id: job.id,
    at,
    session: job.orpSessionId ?? '',
    outcome,
    tookMs: startedAt === undefined ? undefined : at - startedAt,
    text: (outcome === 'completed' ? job.summary : (job.error ?? job.cancel?.reason)) ?? '',
  };
}

interface View {
  options: ListOptions;
  columns: number;
  now: number;
}

/** A table with one row per job. */
export function listPage(page: Page, { options, columns, now }: View): Rich {
  const { jobs } = page;
  if (jobs.length === 0) return emptyPage(options);
  return [table(['JOB', 'AGE', 'STATUS', 'WHAT'], jobRows(jobs, now), columns), moreOf(page, options)];
}

function emptyPage({ status, kind, ideaId, machineId, cursor }: ListOptions): Rich {
  const isFiltered = [status, kind, ideaId, machineId, cursor].some((value) => value !== undefined);
  if (isFiltered) return said('idle', 'No jobs match.');
  return [
    said('idle', 'You have no jobs.'),
    said('next', 'orp job submit "Run the tests and fix what fails"'),
  ];
}

/** A row for each job: id, age, status and title. */
export function jobRows(jobs: readonly JobView[], now: number): Cell[][] {
  const ids = shortIds(jobs.map(({ id }) => id));
  return jobs.map((job, at) => {
    const createdAt = parseTimestamp(job.createdAt);
    return [
      { text: ids[at] ?? job.id },
      { text: createdAt === undefined ? '' : age(now - createdAt) },
      { text: job.status, style: statusStyle(job.status) },
      { text: titleOf(job) },
    ];
  });
}

/** Returns the start of the prompt. For reviews, and for servers that do not return it, returns another description. */
function titleOf(job: JobView): string {
  if (job.promptStart !== undefined) return job.promptStart;
  const rules = rulesOf(job.kind);
  if (rules?.composedBy === 'server') return `${capitalise(rules.noun)} of idea ${job.ideaId ?? ''}`;
  return job.summary ?? job.error ?? job.waiting?.message ?? '';
}

/** Returns the command for the next page of the list. */
function moreOf({ nextCursor, hasMore }: Page, options: ListOptions): Rich {
  if (!hasMore) return '';
  const { status, kind, ideaId, machineId, limit } = options;
  const flags = Object.entries({
    '--status': status,
    '--kind': kind,
    '--idea-id': ideaId,
    '--machine-id': machineId,
    '--limit': limit,
    '--cursor': nextCursor,
  }).filter(([, value]) => value !== undefined);
  const words = flags.map(([flag, value]) => `${flag} ${shellWord(String(value))}`);
  return said('next', `orp job list ${words.join(' ')}`);
}
