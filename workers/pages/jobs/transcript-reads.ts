/** How pages read a transcript: its first entries, the lines that contain some words, and all of it as a file. */

import { accept, type Result } from '../../../spec/errors.ts';
import type { SignedIn } from '../../accounts/authenticate.ts';
import type { Deps } from '../../base/deps.ts';
import { readTranscript, type TranscriptPage } from '../../jobs/read.ts';
import { lastWritten, spansOf } from '../design/ansi.ts';
import type { PageRequest } from '../frame/page.ts';
import { type FirstEntries, LONGEST_WORDS, type Match, type Search } from './transcript.tsx';

/** The number of entries on one page. */
const SHOWN = 200;

export async function firstEntries(
  deps: Deps,
  user: SignedIn,
  { jobId, cursor }: { jobId: string; cursor: string | undefined },
): Promise<Result<FirstEntries, 'not_found' | 'invalid_input'>> {
  const page = await readTranscript(deps, user, { jobId, cursor, limit: SHOWN });
  if (!page.ok) return page;
  const { entries, nextCursor, hasMore } = page.value;
  return accept({ entries, cursor: nextCursor, hasMore, isLater: cursor !== undefined });
}

/** The number of entries in one read, and of reads in one search. */
const PAGE = 1000;
const MOST_PAGES = 10;
const MOST_LINES = 100;
/** The characters of a line that are shown before the match. */
const BEFORE = 60;

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

export async function downloadTranscript({ params, auth, deps }: PageRequest) {
  const jobId = params.jobId ?? '';
  const read = (cursor: string | undefined) => readTranscript(deps, auth, { jobId, cursor, limit: PAGE });
  const first = await read(undefined);
  if (!first.ok) return first;
  let page: TranscriptPage | undefined = first.value;
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (page === undefined) return controller.close();
      controller.enqueue(encoder.encode(page.entries.map(textOf).join('')));
      if (!page.hasMore) page = undefined;
      else {
        const next = await read(page.nextCursor);
        if (!next.ok) throw new Error('the transcript is gone');
        page = next.value;
      }
    },
  });
  return accept(
    new Response(body, {
      headers: {
        'Content-Type': 'text/plain; charset=utf-8',
        'Content-Disposition': `attachment; filename="${jobId.replace(/[^\w.-]/g, '_')}.txt"`,
      },
    }),
  );
}

/** Keeps output unchanged. Puts the messages of the agent and the system on separate lines. */
function textOf({ type, stream, text, at }: TranscriptPage['entries'][number]): string {
  if (type === 'log') return text;
  const who = type === 'gap' ? 'gap' : stream;
  return `\n[${at} ${who}]\n${text.replace(/\n$/, '')}\n\n`;
}
