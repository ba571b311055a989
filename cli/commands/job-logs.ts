/** `orp job logs`: the transcript of a job, across its attempts; with `--follow` as it grows. */

import type { ReplyOf } from '../../spec/contract/endpoint.ts';
import { readTranscript } from '../../spec/contract/jobs.ts';
import { call } from '../client/call.ts';
import { type Client, signedInClient } from '../client/client.ts';
import type { CommonOptions, Context } from '../context.ts';
import { plainText } from '../output/plain-text.ts';

export interface LogsOptions extends CommonOptions {
  follow?: boolean;
}

type Page = ReplyOf<typeof readTranscript>;
type Entry = Page['entries'][number];

/** Entries per request. */
const PAGE = 500;

/** Prints the transcript: one JSON document, or, when following, one entry a line. */
export async function logs(context: Context, jobId: string, options: LogsOptions): Promise<void> {
  const client = await signedInClient(context);
  if (options.follow) return follow(context, client, jobId);
  if (context.json) return printDocument(context, client, jobId);
  for await (const page of readPages(client, jobId)) {
    for (const entry of page.entries) printEntry(context, entry);
  }
}

async function follow(context: Context, client: Client, jobId: string): Promise<void> {
  const { followJob } = await import('../client/follow-job.ts');
  let told: string | undefined;
  for await (const event of followJob(client, jobId)) {
    if (event.kind === 'entry') {
      if (context.json) context.stdout.write(`${JSON.stringify(event.entry)}\n`);
      else printEntry(context, event.entry);
    } else if (event.status !== told) {
      told = event.status;
      if (!context.json) context.stderr.write(`${jobId} is ${told}\n`);
    }
  }
}

async function* readPages(client: Client, jobId: string): AsyncGenerator<Page> {
  let cursor: string | undefined;
  for (;;) {
    const page = await call(client, readTranscript, { params: { jobId }, query: { cursor, limit: PAGE } });
    yield page;
    if (!page.hasMore) return;
    cursor = page.nextCursor;
  }
}

async function printDocument(context: Context, client: Client, jobId: string): Promise<void> {
  const entries: Entry[] = [];
  let status = '';
  for await (const page of readPages(client, jobId)) {
    entries.push(...page.entries);
    status = page.status;
  }
  context.stdout.write(`${JSON.stringify({ ok: true, job_id: jobId, status, entries }, null, 2)}\n`);
}

/** Output as it is; what the agent and the system say is set off, so that it is found again. */
function printEntry(context: Context, entry: Entry): void {
  const text = plainText(entry.text);
  const ended = text.endsWith('\n') ? text : `${text}\n`;
  if (entry.stream === 'stdout' || entry.stream === 'stderr') context.stdout.write(ended);
  else context.stdout.write(`[${entry.type === 'gap' ? 'gap' : entry.stream}] ${ended}`);
}
