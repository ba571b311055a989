/**
 * The transcript: the agent's messages and the output of its commands. The page contains the first entries; the script
 * adds new entries.
 */

import type { ReplyInput } from '../../../spec/contract/endpoint.ts';
import type { readTranscript as transcriptRow } from '../../../spec/contract/jobs.ts';
import { isTerminal } from '../../../spec/job/status.ts';
import { lastWritten, spansOf } from '../design/ansi.ts';
import { shown, shownLine } from '../design/shown.ts';
import { counted, exactWords } from '../design/words.ts';
import type { ShownJob } from './about-job.ts';

export type Entry = ReplyInput<typeof transcriptRow>['entries'][number];

export interface FirstEntries {
  entries: readonly Entry[];
  /** The position after the last entry of the page. */
  cursor: string;
  hasMore: boolean;
  /** True if earlier entries are not on the page. */
  isLater: boolean;
}

/** Longer words are cut before the search. */
export const LONGEST_WORDS = 200;

export interface Match {
  /** The position before the entry. Absent for the first entry. */
  after: string | undefined;
  at: string;
  before: string;
  match: string;
  rest: string;
}

export interface Search {
  words: string;
  matches: readonly Match[];
  /** True if the search stopped before the end of the transcript. */
  isPart: boolean;
}

export function Transcript({
  job,
  first,
  search,
}: {
  job: ShownJob;
  first: FirstEntries;
  search: Search | undefined;
}) {
  const path = `/jobs/${job.id}`;
  const hasOutput = search !== undefined || first.entries.length > 0 || job.status === 'running';
  return (
    <section>
      <div class="section-head">
        <h2>Transcript</h2>
        {hasOutput && (
          <>
            <a href={`${path}/transcript.txt`} download={`${job.id}.txt`}>
              Download
            </a>
            <SearchForm path={path} words={search?.words ?? ''} />
          </>
        )}
        {search === undefined && isFollowed(job, first) && (
          <label class="follow" data-script data-follow-switch>
            <input type="checkbox" checked /> Follow
          </label>
        )}
      </div>
      {search === undefined ? (
        <Entries job={job} first={first} path={path} />
      ) : (
        <Matches path={path} search={search} />
      )}
    </section>
  );
}

function isFollowed(job: ShownJob, { hasMore }: FirstEntries): boolean {
  return hasMore || !isTerminal(job.status);
}

function Entries({ job, first, path }: { job: ShownJob; first: FirstEntries; path: string }) {
  const { entries, cursor, hasMore, isLater } = first;
  return (
    <>
      {isLater && (
        <p>
          <a href={path}>From the beginning</a>
        </p>
      )}
      <div
        class="transcript"
        data-follow={isFollowed(job, first) ? `${path}/live` : undefined}
        data-after={cursor}
        role="log"
        aria-live="off"
        aria-label="Transcript"
      >
        {entries.map((entry) => (
          <TranscriptEntry entry={entry} />
        ))}
      </div>
      {entries.length === 0 && (
        <p class="quiet" data-until-entry>
          {emptySentence(job)}
        </p>
      )}
      {hasMore && (
        <p data-noscript>
          <a class="button" href={`${path}?after=${cursor}`}>
            Next entries
          </a>
        </p>
      )}
    </>
  );
}

function emptySentence(job: ShownJob): string {
  if (job.status === 'queued') return 'The transcript begins when a machine starts the job.';
  return isTerminal(job.status)
    ? 'There is no output. The server keeps transcripts for 30 days.'
    : 'No output yet.';
}

/** Longer output is folded. */
const FOLD_LINES = 24;

export function TranscriptEntry({ entry }: { entry: Entry }) {
  const { type, stream, level, text, at } = entry;
  const when = exactWords(Date.parse(at));
  if (type === 'gap')
    return (
      <p class="entry entry-gap" title={when}>
        {shown(text, 2000)}
      </p>
    );
  if (type === 'message') {
    return (
      <div class={`entry entry-${stream === 'agent' ? 'said' : 'system'}`} title={when}>
        {shown(text, 100_000)}
      </div>
    );
  }
  const output = lastWritten(text.replace(/\r\n/g, '\n')).replace(/\n$/, '');
  const lines = output.split('\n').length;
  const look =
    level === 'error' || stream === 'stderr' ? 'entry entry-output entry-error' : 'entry entry-output';
  if (lines <= FOLD_LINES)
    return (
      <pre class={look} title={when}>
        <Output text={output} />
      </pre>
    );
  return (
    <details class="entry entry-fold" title={when}>
      <summary>
        <code>{plainLine(output)}</code> <span class="quiet">{counted(lines, 'line')}</span>
      </summary>
      <pre class={look}>
        <Output text={output} />
      </pre>
    </details>
  );
}

/** Returns the HTML of an entry, which the stream sends. */
export function entryHtml(entry: Entry): string {
  return String(<TranscriptEntry entry={entry} />);
}

function Output({ text }: { text: string }) {
  return (
    <>
      {spansOf(text).map(({ text: piece, classes }) =>
        classes === '' ? shown(piece) : <span class={classes}>{shown(piece)}</span>,
      )}
    </>
  );
}

/** Returns the first line that is not blank, without colors. */
function plainLine(text: string): string {
  const plain = spansOf(text.slice(0, 2000))
    .map((span) => span.text)
    .join('');
  return shownLine(plain.trimStart().split('\n', 1)[0] ?? '', 100);
}

export function SearchForm({ path, words }: { path: string; words: string }) {
  return (
    <form method="get" action={path} class="search">
      <input
        type="search"
        name="q"
        value={words}
        maxlength={LONGEST_WORDS}
        placeholder="Search"
        aria-label="Search the transcript"
      />
    </form>
  );
}

export function Matches({ path, search: { words, matches, isPart } }: { path: string; search: Search }) {
  return (
    <section aria-label="Search results">
      <p class="quiet" role="status">
        {matches.length === 0
          ? 'No line contains '
          : `${matches.length}${isPart ? ' or more' : ''} lines contain `}
        “{shownLine(words)}”. <a href={path}>Show the transcript</a>
      </p>
      <ol class="matches">
        {matches.map(({ after, at, before, match, rest }) => (
          <li>
            <a
              href={after === undefined ? path : `${path}?after=${after}`}
              title={exactWords(Date.parse(at))}
            >
              <code>
                {shown(before)}
                <mark>{shown(match)}</mark>
                {shown(rest)}
              </code>
            </a>
          </li>
        ))}
      </ol>
    </section>
  );
}
