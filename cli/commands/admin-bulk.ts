/** `orp admin bulk …`: counts first, then starts a named run and asks for its steps until it ends. */

import { abortBulk, advanceBulk, listBulk, showBulk, startBulk } from '../../spec/contract/admin.ts';
import type { ReplyOf } from '../../spec/contract/endpoint.ts';
import type { JobKind } from '../../spec/job/kinds.ts';
import type { BulkAction, BulkFilter } from '../../spec/overview/bulk.ts';
import { EXIT_NEGATIVE, usageError } from '../base/exit.ts';
import { shellWord } from '../base/shell-word.ts';
import { call } from '../client/call.ts';
import { type Client, signedInClient } from '../client/client.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { said, table } from '../output/page.ts';
import { formatRows, type Line, printResult } from '../output/print.ts';
import type { Rich } from '../output/text-output.ts';

export interface BulkOptions extends CommonOptions {
  account?: string;
  status?: string;
  kind?: JobKind;
  ideaId?: string;
  machineId?: string;
  name?: string;
  count?: number;
  reason?: string;
}

type Run = ReplyOf<typeof showBulk>['run'];

/** Counts the matching jobs. With a name and a count, starts the run. */
export async function order(context: Context, action: BulkAction, options: BulkOptions): Promise<number> {
  const { account, status, kind, ideaId, machineId, name, count } = options;
  if ((name === undefined) !== (count === undefined)) {
    throw usageError(
      'A run needs both --name and --count.',
      'Without both, the command counts the jobs that match.',
    );
  }
  const client = await signedInClient(context);
  const filter = { account, status, kind, ideaId, machineId };
  if (name === undefined || count === undefined)
    return countOnly(context, client, { action, filter, options });
  const reason = options.reason?.trim() || null;
  const { run } = await call(client, startBulk, { body: { action, filter, name, count, reason } });
  const ended = run === undefined ? await stepOf(client, name) : await toTheEnd(context, client, run);
  printRun(context, ended);
  return ended.state === 'completed' ? 0 : EXIT_NEGATIVE;
}

interface Counted {
  action: BulkAction;
  filter: BulkFilter & { kind?: JobKind | undefined };
  options: BulkOptions;
}

async function countOnly(context: Context, client: Client, counted: Counted): Promise<number> {
  const { action, filter } = counted;
  const answer = await call(client, startBulk, { body: { action, filter, dryRun: true } });
  const { count = 0, exact = true } = answer;
  printResult(context, answer, {
    lines: [
      ['ok', true],
      ['count', count],
      ['exact', exact],
    ],
    page: () => [
      said('note', `${exact ? '' : 'At least '}${count} ${count === 1 ? 'job matches' : 'jobs match'}.`),
      count === 0 ? '' : said('next', commandFor(counted, count)),
    ],
  });
  return 0;
}

function commandFor({ action, filter, options }: Counted, count: number): string {
  const flags = Object.entries({
    '--account': filter.account,
    '--status': filter.status,
    '--kind': filter.kind,
    '--idea-id': filter.ideaId,
    '--machine-id': filter.machineId,
    '--reason': options.reason,
  }).filter(([, value]) => value !== undefined);
  const words = flags.map(([flag, value]) => `${flag} ${shellWord(String(value))}`);
  return ['orp admin bulk', action, ...words, '--name <name>', `--count ${count}`].join(' ');
}

/** Requests steps until the run ends. If the command is stopped, the server performs the remaining steps. */
async function toTheEnd(context: Context, client: Client, started: Run): Promise<Run> {
  let run = started;
  let decided = -1;
  while (run.state === 'running') {
    run = await stepOf(client, run.name);
    const now = run.done + run.skipped;
    if (run.state === 'running' && now === decided) await client.sleep(SAME_AGAIN_MS);
    decided = now;
    if (!context.json) context.stderr.write(`${run.done} of ${run.count} done.\n`);
  }
  return run;
}

/** The pause if another client or cron is performing the same step. */
const SAME_AGAIN_MS = 1000;

async function stepOf(client: Client, name: string): Promise<Run> {
  return (await call(client, advanceBulk, { params: { name } })).run;
}

/** Shows one run, or the newest runs. */
export async function show(context: Context, name: string | undefined): Promise<void> {
  const client = await signedInClient(context);
  if (name !== undefined) {
    checkName(name);
    printRun(context, (await call(client, showBulk, { params: { name } })).run);
    return;
  }
  const answer = await call(client, listBulk, {});
  printResult(context, answer, {
    lines: () => formatRows([['runs.count', answer.runs.length]], answer.runs.map(linesOf)),
    page: (columns) => listPage(answer.runs, columns),
  });
}

export async function abort(context: Context, name: string): Promise<void> {
  checkName(name);
  const client = await signedInClient(context);
  const answer = await call(client, abortBulk, { params: { name } });
  printResult(context, answer, {
    lines: [...linesOf(answer.run), ['changed', answer.changed]],
    page: () => [answer.changed ? '' : said('note', 'The run had already ended.'), runPage(answer.run)],
  });
}

function checkName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return;
  throw usageError(
    `${JSON.stringify(name)} is not the name of a run.`,
    '`orp admin bulk show` lists the newest runs.',
  );
}

function printRun(context: Context, run: Run): void {
  printResult(context, { ok: true, run }, { lines: linesOf(run), page: () => runPage(run) });
}

function linesOf(run: Run): Line[] {
  return [
    ['run.name', run.name],
    ['run.action', run.action],
    ['run.state', run.state],
    ['run.count', run.count],
    ['run.done', run.done],
    ['run.skipped', run.skipped],
    ['run.created_by', run.createdBy],
    ['run.created_at', run.createdAt],
    ['run.finished_at', run.finishedAt],
    ['run.aborted_by', run.abortedBy],
  ];
}

function runPage({ name, action, state, count, done, skipped, abortedBy }: Run): Rich {
  const words = `${name} (${action}): ${done} of ${count} done, ${skipped} skipped.`;
  if (state === 'running') return [said('busy', words), said('next', `orp admin bulk show ${name}`)];
  return state === 'completed' ? said('done', words) : said('failed', `${words} Aborted by ${abortedBy}.`);
}

function listPage(runs: readonly Run[], columns: number): Rich {
  if (runs.length === 0) return said('idle', 'No runs.');
  const rows = runs.map((run) => [
    { text: run.name },
    { text: run.action },
    { text: run.state },
    { text: `${run.done}/${run.count}` },
    { text: `${run.createdAt.slice(0, 16).replace('T', ' ')} ${run.createdBy}` },
  ]);
  return table(['RUN', 'ACTION', 'STATE', 'DONE', 'STARTED'], rows, columns);
}
