/** Returns the complete, unchanged transcript as a text file. */

import { accept } from '../../../spec/errors.ts';
import { readTranscript, type TranscriptPage } from '../../jobs/read.ts';
import type { PageRequest } from '../frame/page.ts';

/** The number of entries in one read. */
const PAGE = 1000;

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
