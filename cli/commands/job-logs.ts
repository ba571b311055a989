/** `orp job logs`: the transcript of a job, across its attempts. */

import type { ReplyOf } from '../../spec/contract/endpoint.ts';
import { readTranscript } from '../../spec/contract/jobs.ts';
import { isTerminal } from '../../spec/job/status.ts';
import { call } from '../client/call.ts';
import { type Client, signedInClient } from '../client/client.ts';
import type { CommonOptions, Context } from '../context.ts';
import { plainText } from '../output/plain-text.ts';
import { pause } from '../runner/pause.ts';

export interface LogsOptions extends CommonOptions {
  follow?: boolean;
}

type Page = ReplyOf<typeof readTranscript>;
type Entry = Page['entries'][number];

/** Entries per request. */
const PAGE = 500;
/** A person who watches does not notice a second; the service does not notice one reader. */
const FOLLOW_MS = 1000;

/** Prints the transcript; with `--follow` until the job has ended. */
export async function logs(context: Context, jobId: string, options: LogsOptions): Promise<void> {
  const client = await signedInClient(context);
  const reader = new TranscriptReader(client, jobId);
  if (context.json && !options.follow) return printDocument(context, jobId, reader);
  const print = context.json ? printJsonLine : printEntry;
  for (;;) {
    const page = await reader.next();
    for (const entry of page.entries) print(context, entry);
    if (page.hasMore) continue;
    if (!options.follow || (isTerminal(page.status) && page.entries.length === 0)) return;
    if (!isTerminal(page.status)) await pause(FOLLOW_MS);
  }
}

class TranscriptReader {
  readonly #client: Client;
  readonly #jobId: string;
  #cursor: string | undefined;

  constructor(client: Client, jobId: string) {
    this.#client = client;
    this.#jobId = jobId;
  }

  async next(): Promise<Page> {
    const query = { cursor: this.#cursor, limit: PAGE };
    const page = await call(this.#client, readTranscript, { params: { jobId: this.#jobId }, query });
    this.#cursor = page.nextCursor;
    return page;
  }
}

async function printDocument(context: Context, jobId: string, reader: TranscriptReader): Promise<void> {
  const entries: Entry[] = [];
  for (;;) {
    const page = await reader.next();
    entries.push(...page.entries);
    if (page.hasMore) continue;
    const document = { ok: true, job_id: jobId, status: page.status, entries };
    context.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    return;
  }
}

function printJsonLine(context: Context, entry: Entry): void {
  context.stdout.write(`${JSON.stringify(entry)}\n`);
}

/** Output as it is; what the agent and the system say is set off, so that it is found again. */
function printEntry(context: Context, entry: Entry): void {
  const text = plainText(entry.text);
  const ended = text.endsWith('\n') ? text : `${text}\n`;
  if (entry.stream === 'stdout' || entry.stream === 'stderr') context.stdout.write(ended);
  else context.stdout.write(`[${entry.type === 'gap' ? 'gap' : entry.stream}] ${ended}`);
}
