/** `orp job logs`: prints the transcript of all attempts of a job. With `--follow`, also prints new entries. */

import type { ReplyOf } from '../../spec/contract/endpoint.ts';
import { readTranscript } from '../../spec/contract/jobs.ts';
import { CliError } from '../base/exit.ts';
import { oneLine } from '../base/one-line.ts';
import { timerMs } from '../base/pause.ts';
import { call } from '../client/call.ts';
import { type Client, signedInClient } from '../client/client.ts';
import { withJob } from '../hosted/whole-id.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { printPaged } from '../output/pager.ts';
import { plainText } from '../output/plain-text.ts';
import { printDocument, printJsonLine } from '../output/print.ts';

export interface LogsOptions extends CommonOptions {
  follow?: boolean;
  /** How long to follow, in seconds. */
  timeout?: number;
}

type Page = ReplyOf<typeof readTranscript>;
type Entry = Page['entries'][number];

/** The number of entries per request. */
const PAGE = 500;
/** Maximum text of one document, in characters. JSON may escape each of them, and Node limits string length. */
const MAX_DOCUMENT_CHARACTERS = 64 * 1024 * 1024;

/** Prints the transcript: one JSON document, or one entry per line with `--follow`. */
export async function logs(context: Context, jobId: string, options: LogsOptions): Promise<void> {
  const client = await signedInClient(context);
  return withJob(client, jobId, (id) => printLogs(context, { client, jobId: id }, options));
}

async function printLogs(
  context: Context,
  { client, jobId }: { client: Client; jobId: string },
  options: LogsOptions,
): Promise<void> {
  if (options.follow) return follow(context, client, { jobId, timeout: options.timeout });
  if (context.json) return printEntries(context, client, jobId);
  if (context.form === 'page') return printAsPage(context, client, jobId);
  for await (const page of readPages(client, jobId)) {
    for (const entry of page.entries) printEntry(context, entry);
  }
}

/** What a pager gets at once, in characters. A longer transcript is printed as it arrives. */
const MAX_PAGE_CHARACTERS = 4 * 1024 * 1024;

async function printAsPage({ stdout }: Context, client: Client, jobId: string): Promise<void> {
  let text = '';
  let isPage = true;
  for await (const page of readPages(client, jobId)) {
    text += page.entries.map(formatEntry).join('');
    isPage &&= text.length <= MAX_PAGE_CHARACTERS;
    if (isPage) continue;
    stdout.write(text);
    text = '';
  }
  if (isPage) printPaged(stdout, text || 'The job has printed nothing so far.\n');
}

/** Follows until the job ends. Reconnects after every outage. */
async function follow(context: Context, client: Client, { jobId, timeout }: Followed): Promise<void> {
  const { followJob } = await import('../hosted/follow-job.ts');
  const { WaitingWatch } = await import('../hosted/waiting-watch.ts');
  const say = (sentence: string) => {
    if (!context.json) context.stderr.write(`${oneLine(sentence)}\n`);
  };
  const waiting = new WaitingWatch(client, jobId, say);
  const signal = timeout === undefined ? undefined : AbortSignal.timeout(timerMs(timeout * 1000));
  let status = '';
  let outage = '';
  const onOutage = (message: string) => {
    if (message !== outage) say(`${message} Reconnecting.`);
    outage = message;
  };
  try {
    for await (const event of followJob(client, jobId, { signal, onOutage })) {
      outage = '';
      if (event.kind === 'entry') {
        if (context.json) printJsonLine(context, event.entry);
        else printEntry(context, event.entry);
        continue;
      }
      if (event.status !== status) say(`${jobId} is ${event.status}`);
      status = event.status;
      if (!context.json) waiting.update(event.status);
    }
  } catch (error) {
    if (!signal?.aborted) throw error;
    throw new CliError(`Job ${jobId} has not ended after ${timeout} s.`, {
      code: 'wait_timeout',
      hint: `Run \`orp job show ${jobId}\` to see why, or raise --timeout.`,
    });
  } finally {
    waiting.stop();
  }
}

interface Followed {
  jobId: string;
  /** The time limit in seconds. Undefined means until the job ends. */
  timeout: number | undefined;
}

async function* readPages(client: Client, jobId: string): AsyncGenerator<Page> {
  const seen = new Set<string | undefined>();
  let cursor: string | undefined;
  for (;;) {
    seen.add(cursor);
    const page = await call(client, readTranscript, { params: { jobId }, query: { cursor, limit: PAGE } });
    yield page;
    if (!page.hasMore) return;
    if (page.entries.length === 0 || seen.has(page.nextCursor)) throw standsStill();
    cursor = page.nextCursor;
  }
}

/** The error for a page that does not advance. Without this check, the command would loop forever. */
function standsStill(): CliError {
  return new CliError('The server announces more output but returns an empty or repeated page.', {
    code: 'unexpected_answer',
    hint: 'Run the command again later. The output so far has no gaps.',
  });
}

function tooLong(jobId: string): CliError {
  return new CliError(`The output of job ${jobId} is too long for one JSON document.`, {
    code: 'output_too_long',
    hint: `Run \`orp job logs ${jobId} --follow --json\` to print one entry per line.`,
  });
}

async function printEntries(context: Context, client: Client, jobId: string): Promise<void> {
  const entries: Entry[] = [];
  let status = '';
  let characters = 0;
  for await (const page of readPages(client, jobId)) {
    entries.push(...page.entries);
    for (const { text } of page.entries) characters += text.length;
    if (characters > MAX_DOCUMENT_CHARACTERS) throw tooLong(jobId);
    status = page.status;
  }
  printDocument(context, { ok: true, job_id: jobId, status, entries });
}

function printEntry({ stdout }: Context, entry: Entry): void {
  stdout.write(formatEntry(entry));
}

/** Leaves output unchanged. Entries of the agent and the system get a `[stream]` prefix. */
function formatEntry({ text, type, stream }: Entry): string {
  const plain = plainText(text);
  const ended = plain.endsWith('\n') ? plain : `${plain}\n`;
  if (stream === 'stdout' || stream === 'stderr') return ended;
  return `[${type === 'gap' ? 'gap' : stream}] ${ended}`;
}
