/** `orp ideas list` and `orp idea …`. */

import type { Command } from 'commander';
import {
  addIdea,
  listIdeas,
  removeIdea,
  restoreIdea,
  showIdea,
  updateIdea,
} from '../../spec/contract/ideas.ts';
import { usageError } from '../base/exit.ts';
import { oneLine } from '../base/one-line.ts';
import { shellWord } from '../base/shell-word.ts';
import { wholeNumberOption } from '../base/whole-number.ts';
import { send } from '../client/call.ts';
import { signedInClient } from '../client/client.ts';
import { incomplete } from '../client/server-error.ts';
import { readString } from '../files/fields.ts';
import { isObject, type JsonObject } from '../files/json-file.ts';
import { parseTimestamp } from '../files/timestamps.ts';
import { withId } from '../hosted/whole-id.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { age, facts, said, table } from '../output/page.ts';
import { plainText } from '../output/plain-text.ts';
import { formatRows, type Line, printResult } from '../output/print.ts';
import { paint, type Rich } from '../output/text-output.ts';
import { type Shell, withCommonOptions } from './shell.ts';

interface ListOptions extends CommonOptions {
  limit: number;
  cursor?: string;
  sort: string;
  deleted?: boolean;
}

interface EditOptions extends CommonOptions {
  title?: string;
  notes?: string;
  summary?: string;
  githubUrl?: string;
  linkLabel?: string;
  visibility?: string;
}

interface RemoveOptions extends CommonOptions {
  purge?: boolean;
}

export function registerIdeas(group: Command, shell: Shell): void {
  withCommonOptions(
    group
      .command('list')
      .description('list your ideas, one page at a time')
      .addOption(
        wholeNumberOption({
          flags: '--limit <count>',
          description: 'ideas per page; 0 uses the server default',
          min: 0,
          max: 500,
          default: 25,
          raisesLow: true,
        }),
      )
      .option('--cursor <cursor>', '`cursor` from the previous page')
      .option(
        '--sort <order>',
        'updated_desc, updated_asc, created_desc, created_asc or title_asc',
        'updated_desc',
      )
      .option('--deleted', 'list removed ideas instead'),
  ).action((options: ListOptions) => shell.run(options, (context) => list(context, options)));
}

export function registerIdea(group: Command, shell: Shell): void {
  withCommonOptions(
    group.command('show').description('show an idea with its features').argument('<idea-id>'),
  ).action((id: string, options: CommonOptions) => shell.run(options, (context) => show(context, id)));

  withCommonOptions(
    withEditOptions(group.command('add').description('add an idea')).requiredOption(
      '--title <title>',
      'title',
    ),
  ).action((options: EditOptions) => shell.run(options, (context) => add(context, options)));

  withCommonOptions(
    withEditOptions(
      group
        .command('update')
        .description('change an idea; fails if the idea changes while the command runs')
        .argument('<idea-id>'),
    ).option('--title <title>', 'title'),
  ).action((id: string, options: EditOptions) =>
    shell.run(options, (context) => update(context, id, options)),
  );

  withCommonOptions(
    group
      .command('remove')
      .description('remove an idea; `orp idea restore` undoes it')
      .argument('<idea-id>')
      .option('--purge', 'delete it permanently, and cancel its unfinished jobs'),
  ).action((id: string, options: RemoveOptions) =>
    shell.run(options, (context) => remove(context, id, options)),
  );

  withCommonOptions(
    group.command('restore').description('restore a removed idea').argument('<idea-id>'),
  ).action((id: string, options: CommonOptions) => shell.run(options, (context) => restore(context, id)));
}

function withEditOptions(command: Command): Command {
  return command
    .option('--notes <text>', 'the plan')
    .option('--summary <text>', 'alias of --notes; ignored when both are given')
    .option('--github-url <url>', 'repository; an empty value clears it')
    .option('--link-label <label>', 'label of the link; an empty value clears it')
    .option('--visibility <visibility>', 'for example: private');
}

async function list(context: Context, options: ListOptions): Promise<void> {
  const client = await signedInClient(context);
  const answer = await send(client, listIdeas, {
    query: {
      limit: options.limit > 0 ? options.limit : undefined,
      cursor: options.cursor,
      sort: options.sort,
      deleted: options.deleted ? '1' : undefined,
    },
  });
  const rows = [answer.ideas, answer.items].find((value) => Array.isArray(value));
  // Treating a malformed answer as an empty list would make it look as if the ideas were gone.
  if (rows === undefined) throw incomplete(listIdeas, 'it has no list of ideas');
  const ideas = rows.filter(isObject);
  const cursor = readString(answer, 'cursor', 'nextCursor') ?? '';
  const document = {
    ideas,
    cursor,
    has_more: typeof answer.hasMore === 'boolean' ? answer.hasMore : cursor !== '',
    sort: readString(answer, 'sort') ?? (options.sort || 'updated_desc'),
  };
  const { has_more, sort } = document;
  printResult(context, document, {
    lines: () =>
      formatRows(
        [
          ['ideas.count', ideas.length],
          ['cursor', cursor],
          ['has_more', has_more],
          ['sort', sort],
        ],
        ideas.map((idea) => ideaLines(idea, ['id', 'title', 'visibility', 'updated_at'])),
      ),
    page: (columns) => listPage(ideas, { columns, now: context.now(), more: has_more ? cursor : '' }),
  });
}

async function show(context: Context, id: string): Promise<void> {
  const { ok, idea, features } = await fetchIdea(context, id);
  printResult(
    context,
    { ok, idea: { ...idea, features }, features },
    {
      lines: ideaLines(idea, ['id', 'title', 'visibility', 'github_url', 'updated_at']),
      page: () => ideaPage(idea, features.length),
    },
  );
}

/** Fetches an idea. The answer may be wrapped or flat, with `features` inside the idea or next to it. */
async function fetchIdea(context: Context, id: string) {
  const client = await signedInClient(context);
  return withId(client, { kind: 'idea', given: id }, async (ideaId) => {
    const answer = await send(client, showIdea, { params: { ideaId } });
    const idea = isObject(answer.idea) ? answer.idea : answer;
    const features = [answer.features, idea.features].find((value) => Array.isArray(value)) ?? [];
    return { client, ideaId, ok: answer.ok === undefined || Boolean(answer.ok), idea, features };
  });
}

async function add(context: Context, options: EditOptions): Promise<void> {
  const title = checkedTitle(options) ?? '';
  const client = await signedInClient(context);
  const answer = await send(client, addIdea, {
    body: { ...editsOf(options), title, notes: options.notes ?? options.summary ?? '' },
  });
  printResult(context, answer, {
    lines: ideaLines(answer, ['id', 'title', 'visibility']),
    page: () => said('done', ['Added ', nameOfIdea(answer)]),
  });
}

async function update(context: Context, id: string, options: EditOptions): Promise<void> {
  const title = checkedTitle(options);
  const edits = { ...(title === undefined ? {} : { title }), ...editsOf(options) };
  if (Object.keys(edits).length === 0) {
    throw usageError(
      'No change given.',
      'Pass at least one of --title, --notes, --github-url, --link-label, --visibility.',
    );
  }
  const { client, idea, ideaId } = await fetchIdea(context, id);
  const answer = await send(client, updateIdea, {
    params: { ideaId },
    body: {
      ...edits,
      ...(typeof idea.updatedAt === 'string' && idea.updatedAt !== '' ? { updatedAt: idea.updatedAt } : {}),
    },
  });
  printResult(context, answer, {
    lines: ideaLines(answer, ['id', 'title', 'visibility', 'updated_at']),
    page: () => said('done', ['Changed ', nameOfIdea(answer)]),
  });
}

function checkedTitle(options: EditOptions): string | undefined {
  const title = options.title?.trim();
  if (title === '') throw usageError('--title is blank.', 'An idea needs a title.');
  return title;
}

/** Returns the fields to change. A field without its flag stays unchanged. An empty URL or label clears the field. */
function editsOf(options: EditOptions) {
  const notes = options.notes ?? options.summary;
  return {
    ...(notes === undefined ? {} : { notes }),
    ...(options.githubUrl === undefined ? {} : { githubUrl: options.githubUrl.trim() || null }),
    ...(options.linkLabel === undefined ? {} : { linkLabel: options.linkLabel.trim() || null }),
    ...(options.visibility?.trim() ? { visibility: options.visibility.trim() } : {}),
  };
}

async function remove(context: Context, id: string, options: RemoveOptions): Promise<void> {
  const client = await signedInClient(context);
  const answer = await withId(client, { kind: 'idea', given: id }, (ideaId) =>
    send(client, removeIdea, { params: { ideaId }, query: options.purge ? { purge: '1' } : {} }),
  );
  printResult(context, answer, {
    lines: [
      ['idea.id', readString(answer, 'removedIdeaId')],
      ['mode', readString(answer, 'mode')],
      ['ok', Boolean(answer.ok)],
    ],
    page: () => removedPage(id, Boolean(options.purge), answer.cancelledJobs),
  });
}

async function restore(context: Context, id: string): Promise<void> {
  const client = await signedInClient(context);
  const answer = await withId(client, { kind: 'idea', given: id }, (ideaId) =>
    send(client, restoreIdea, { params: { ideaId }, body: {} }),
  );
  printResult(context, answer, {
    lines: [
      ...ideaLines(answer, ['id', 'title', 'visibility']),
      ['ok', answer.ok === undefined || Boolean(answer.ok)],
    ],
    page: () => said('done', ['Restored ', nameOfIdea(answer)]),
  });
}

const WIRE_NAMES = {
  id: 'id',
  title: 'title',
  visibility: 'visibility',
  github_url: 'githubUrl',
  updated_at: 'updatedAt',
} as const;

/** Lines for an idea, flat or wrapped in the answer. */
function ideaLines(answer: JsonObject, names: readonly (keyof typeof WIRE_NAMES)[]): Line[] {
  const wrapped = isObject(answer.idea) ? answer.idea : {};
  return names.map((name) => [
    `idea.${name}`,
    readString(answer, WIRE_NAMES[name]) ?? readString(wrapped, WIRE_NAMES[name]),
  ]);
}

function textOf(answer: JsonObject, name: string): string {
  const wrapped = isObject(answer.idea) ? answer.idea : {};
  return readString(answer, name) ?? readString(wrapped, name) ?? '';
}

function nameOfIdea(answer: JsonObject): Rich {
  return [paint('bold', textOf(answer, 'title')), ` · ${textOf(answer, 'id')}`];
}

function removedPage(id: string, isForGood: boolean, cancelled: unknown): Rich {
  if (isForGood) {
    const jobs = typeof cancelled === 'number' && cancelled > 0 ? cancelled : 0;
    const also = jobs === 0 ? '' : ` ${jobs} unfinished ${jobs === 1 ? 'job was' : 'jobs were'} cancelled.`;
    return said('done', `Deleted ${id} permanently.${also}`);
  }
  return [said('done', `Removed ${id}.`), said('next', `orp idea restore ${id}`)];
}

function ideaPage(idea: JsonObject, features: number): Rich {
  return [
    [paint('bold', oneLine(textOf(idea, 'title'))), '\n'],
    facts([
      ['Id', textOf(idea, 'id')],
      ['Visibility', textOf(idea, 'visibility')],
      ['GitHub', textOf(idea, 'githubUrl')],
      ['Features', features],
      ['Changed', textOf(idea, 'updatedAt')],
    ]),
    textOf(idea, 'notes') === '' ? '' : ['\n', plainText(textOf(idea, 'notes').trimEnd()), '\n'],
  ];
}

function listPage(
  ideas: readonly JsonObject[],
  { columns, now, more }: { columns: number; now: number; more: string },
): Rich {
  if (ideas.length === 0)
    return [said('idle', 'You have no ideas.'), said('next', 'orp idea add --title "…"')];
  const rows = ideas.map((idea) => {
    const at = parseTimestamp(textOf(idea, 'updatedAt'));
    const text = [textOf(idea, 'id'), at === undefined ? '' : age(now - at), textOf(idea, 'title')];
    return text.map((cell) => ({ text: cell }));
  });
  const next = more === '' ? '' : said('next', `orp ideas list --cursor ${shellWord(more)}`);
  return [table(['IDEA', 'AGE', 'TITLE'], rows, columns), next];
}
