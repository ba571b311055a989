/** Searches the transcript of a job. Each found line links to its place in the transcript. */

import { accept, type Result } from '../../../spec/errors.ts';
import type { SignedIn } from '../../accounts/authenticate.ts';
import type { Deps } from '../../base/deps.ts';
import { readTranscript } from '../../jobs/read.ts';
import { lastWritten, spansOf } from '../design/ansi.ts';
import { shown, shownLine } from '../design/shown.ts';
import { exactWords } from '../design/words.ts';

/** The number of entries in one read, and of reads in one search. */
const PAGE = 1000;
const MOST_PAGES = 10;
const MOST_LINES = 100;
const LONGEST_WORDS = 200;
/** The characters of a line that are shown before the match. */
const BEFORE = 60;

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

/** Searches at most 10,000 entries. Ignores upper and lower case. */
export async function searchTranscript(
  deps: Deps,
  user: SignedIn,
  { jobId, words: given }: { jobId: string; words: string },
): Promise<Result<Search, 'not_found' | 'invalid_input'>> {
  const words = given.slice(0, LONGEST_WORDS);
  const matches: Match[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const page = await readTranscript(deps, user, { jobId, cursor, limit: PAGE });
    if (!page.ok) return page;
    for (const entry of page.value.entries) {
      for (const found of matchesIn(entry.text, words)) {
        matches.push({ ...found, at: entry.at, after: cursor });
        if (matches.length === MOST_LINES) return accept({ words, matches, isPart: true });
      }
      cursor = entry.cursor;
    }
    if (!page.value.hasMore) return accept({ words, matches, isPart: false });
  }
  return accept({ words, matches, isPart: true });
}

function matchesIn(text: string, words: string): Pick<Match, 'before' | 'match' | 'rest'>[] {
  const plain = spansOf(lastWritten(text.replace(/\r\n/g, '\n')))
    .map((span) => span.text)
    .join('');
  const wanted = words.toLowerCase();
  return plain.split('\n').flatMap((line) => {
    const at = line.toLowerCase().indexOf(wanted);
    if (at < 0) return [];
    const start = Math.max(0, at - BEFORE);
    const end = at + words.length;
    return [{ before: line.slice(start, at), match: line.slice(at, end), rest: line.slice(end, end + 200) }];
  });
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
