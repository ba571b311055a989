/** `orp checkpoint queue|list|show`: reviews of an idea. */

import type { Command } from 'commander';
import { SECTION_TITLES } from '../../spec/checkpoint/sections.ts';
import type { ReplyOf } from '../../spec/contract/endpoint.ts';
import { listCheckpoints, queueCheckpoint, showCheckpoint } from '../../spec/contract/ideas.ts';
import { usageError } from '../base/exit.ts';
import { shellWord } from '../base/shell-word.ts';
import { wholeNumberOption } from '../base/whole-number.ts';
import { call, send } from '../client/call.ts';
import { signedInClient } from '../client/client.ts';
import { readString } from '../files/fields.ts';
import type { JsonObject } from '../files/json-file.ts';
import { parseTimestamp } from '../files/timestamps.ts';
import { isLinkable } from '../git/repository.ts';
import { wholeId, withId } from '../hosted/whole-id.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { age, facts, said, table } from '../output/page.ts';
import { plainText } from '../output/plain-text.ts';
import { formatRows, type Line, printResult } from '../output/print.ts';
import { paint, type Rich } from '../output/text-output.ts';
import { readProjectLink } from '../records/project-link.ts';
import { type Shell, withCommonOptions } from './shell.ts';

interface QueueOptions extends CommonOptions {
  ideaId: string;
  worldId?: string;
  triggerType: string;
  featureId?: string;
  detailSectionId?: string;
  userNote?: string;
  skipIdeaTitle?: boolean;
  skipCorePlan?: boolean;
  skipGithub?: boolean;
  skipRepoBinding?: boolean;
  includePreviousResponseSummaries?: boolean;
}

export function registerCheckpoint(group: Command, shell: Shell): void {
  withCommonOptions(
    group
      .command('queue')
      .description('queue a review of an idea for its linked session')
      .requiredOption('--idea-id <id>', 'idea to review')
      .option('--world-id <id>', 'world to review it in (default: the world of the idea)')
      .option('--trigger-type <type>', 'reason for the review', 'agent-feedback')
      .option('--feature-id <id>', 'feature to focus on')
      .option('--detail-section-id <id>', 'section of that feature to focus on')
      .option('--user-note <text>', 'question for the reviewer')
      .option('--skip-idea-title', 'leave out the title')
      .option('--skip-core-plan', 'leave out the plan')
      .option('--skip-github', 'leave out the GitHub repository')
      .option('--skip-repo-binding', 'leave out the local repository')
      .option('--include-previous-response-summaries', 'include summaries of earlier reviews'),
  ).action((options: QueueOptions) => shell.run(options, (context) => queue(context, options)));
  registerReads(group, shell);
}

interface ListOptions extends CommonOptions {
  ideaId?: string;
  limit: number;
  cursor?: string;
}

function registerReads(group: Command, shell: Shell): void {
  withCommonOptions(
    group
      .command('list')
      .description('list the reviews of an idea, newest first, one page at a time')
      .option('--idea-id <id>', 'idea (default: the idea that this repository is linked to)')
      .addOption(
        wholeNumberOption({
          flags: '--limit <count>',
          description: 'reviews per page',
          min: 1,
          max: 200,
          default: 25,
        }),
      )
      .option('--cursor <cursor>', '`cursor` from the previous page'),
  ).action((options: ListOptions) => shell.run(options, (context) => list(context, options)));

  withCommonOptions(
    group
      .command('show')
      .description('show a review: its status, and the response in sections')
      .argument('<checkpoint-id>'),
  ).action((id: string, options: CommonOptions) => shell.run(options, (context) => show(context, id)));
}

async function list(context: Context, options: ListOptions): Promise<void> {
  const given = options.ideaId?.trim() || (await linkedIdea(context));
  const client = await signedInClient(context);
  const { limit, cursor } = options;
  const answer = await withId(client, { kind: 'idea', given }, (ideaId) =>
    call(client, listCheckpoints, {
      params: { ideaId },
      query: { limit, ...(cursor === undefined ? {} : { cursor }) },
    }),
  );
  const { checkpoints, hasMore: has_more, nextCursor = '' } = answer;
  printResult(
    context,
    { ok: true, checkpoints, cursor: nextCursor, has_more },
    {
      lines: () =>
        formatRows(
          [
            ['checkpoints.count', checkpoints.length],
            ['cursor', nextCursor],
            ['has_more', has_more],
          ],
          checkpoints.map(reviewLines),
        ),
      page: (columns) => listPage(checkpoints, { columns, now: context.now(), given, more: nextCursor }),
    },
  );
}

async function linkedIdea(context: Context): Promise<string> {
  const repository = await context.repository();
  const link = isLinkable(repository) ? readProjectLink(repository, context.now()) : undefined;
  if (link !== undefined) return link.idea_id;
  throw usageError(
    'No idea given, and this folder is not in a linked repository.',
    'Pass --idea-id <idea-id>; `orp ideas list` shows ids.',
  );
}

async function show(context: Context, id: string): Promise<void> {
  const client = await signedInClient(context);
  const { checkpoint } = await withId(client, { kind: 'checkpoint', given: id }, (checkpointId) =>
    call(client, showCheckpoint, { params: { checkpointId } }),
  );
  printResult(
    context,
    { ok: true, checkpoint },
    {
      lines: [
        ...reviewLines(checkpoint),
        ['checkpoint.idea_id', checkpoint.ideaId],
        ['checkpoint.world_id', checkpoint.worldId],
        ['checkpoint.responded_at', checkpoint.respondedAt],
        ['checkpoint.error', checkpoint.error],
        ['job.id', checkpoint.jobId],
        ['checkpoint.body', checkpoint.body],
        ...sectionsOf(checkpoint).map(([key, , text]): Line => [`checkpoint.${key}`, text]),
      ],
      page: () => reviewPage(checkpoint),
    },
  );
}

type Review = ReplyOf<typeof listCheckpoints>['checkpoints'][number];
type WholeReview = ReplyOf<typeof showCheckpoint>['checkpoint'];

function reviewLines({ id, status, createdAt, summary }: Review): Line[] {
  return [
    ['checkpoint.id', id],
    ['checkpoint.status', status],
    ['checkpoint.created_at', createdAt],
    ['checkpoint.summary', summary],
  ];
}

/** The sections that the response has, each with its key and title. */
function sectionsOf({ structuredOutput }: WholeReview): [key: string, title: string, text: string][] {
  if (structuredOutput === undefined) return [];
  const { previousState, currentState, headingState, reviewNotes, actionItems } = structuredOutput;
  const bullets = (items: readonly string[]) => items.map((item) => `- ${item}`).join('\n');
  const sections: [string, string, string | undefined][] = [
    ['previous_state', SECTION_TITLES.previousState, previousState],
    ['current_state', SECTION_TITLES.currentState, currentState],
    ['heading_state', SECTION_TITLES.headingState, headingState],
    ['review_notes', SECTION_TITLES.reviewNotes, bullets(reviewNotes)],
    ['action_items', SECTION_TITLES.actionItems, bullets(actionItems)],
  ];
  return sections.flatMap(([key, title, text]) => (text ? [[key, title, text]] : []));
}

function listPage(
  reviews: readonly Review[],
  { columns, now, given, more }: { columns: number; now: number; given: string; more: string },
): Rich {
  if (reviews.length === 0) {
    return [said('idle', 'No reviews.'), said('next', `orp checkpoint queue --idea-id ${shellWord(given)}`)];
  }
  const rows = reviews.map(({ id, status, createdAt, summary, error }) => {
    const at = parseTimestamp(createdAt);
    const cells = [id, at === undefined ? '' : age(now - at), status, summary ?? error ?? ''];
    return cells.map((text) => ({ text }));
  });
  const command = `orp checkpoint list --idea-id ${shellWord(given)} --cursor ${shellWord(more)}`;
  return [
    table(['CHECKPOINT', 'AGE', 'STATUS', 'SUMMARY'], rows, columns),
    more === '' ? '' : said('next', command),
  ];
}

function reviewPage(review: WholeReview): Rich {
  const sections = sectionsOf(review);
  const { id, status, ideaId, createdAt, respondedAt, error, jobId, body } = review;
  return [
    facts([
      ['Review', id],
      ['Status', status],
      ['Idea', ideaId],
      ['Queued', createdAt],
      ['Answered', respondedAt],
      ['Error', error],
    ]),
    sections.map(([, title, text]): Rich => ['\n', paint('bold', title), '\n', plainText(text), '\n']),
    sections.length > 0 || body === undefined ? '' : ['\n', plainText(body.trimEnd()), '\n'],
    respondedAt === undefined ? ['\n', said('next', `orp job wait ${shellWord(jobId)}`)] : '',
  ];
}

type Asked = Omit<QueueOptions, 'featureId'> & { featureId: string | undefined };

async function queue(context: Context, options: QueueOptions): Promise<void> {
  const triggerType = options.triggerType.trim();
  if (triggerType === '') throw usageError('--trigger-type is blank.', 'Omit it for agent-feedback.');
  const client = await signedInClient(context);
  const featureId = await wholeId(client, 'feature', options.featureId?.trim() || undefined);
  const asked = { ...options, featureId };
  const body = { triggerType, contextSelection: selectContext(asked), ...focusOf(asked) };
  const answer = await withId(client, { kind: 'idea', given: options.ideaId }, (ideaId) =>
    send(client, queueCheckpoint, { params: { ideaId }, body }),
  );
  printResult(context, answer, {
    lines: [
      ['checkpoint.id', readString(answer, 'id')],
      ['checkpoint.status', readString(answer, 'status')],
      ['checkpoint.world_id', readString(answer, 'worldId')],
      ['checkpoint.idea_id', readString(answer, 'ideaId')],
      ...noteLines(readString(answer, 'note')),
      ...jobLines(readString(answer, 'jobId')),
    ],
    page: () => queuedPage(answer),
  });
}

function queuedPage(answer: JsonObject): Rich {
  const text = (name: string) => readString(answer, name) ?? '';
  const jobId = text('jobId');
  return [
    said('done', `Queued a review of idea ${text('ideaId')} · ${text('id')}`),
    text('note') === '' ? '' : said('warning', text('note')),
    jobId === '' ? '' : said('next', `orp job wait ${shellWord(jobId)}`),
  ];
}

/** Returns the note. The server sends it only if the review goes to another session than requested. */
function noteLines(note: string | undefined): Line[] {
  return note === undefined ? [] : [['checkpoint.note', note]];
}

/** v0.4.4 servers do not return the job. */
function jobLines(jobId: string | undefined): Line[] {
  if (jobId === undefined) return [];
  return [
    ['job.id', jobId],
    ['next', `orp job wait ${shellWord(jobId)}`],
  ];
}

/** Returns the context of the review. A focus on a feature or section includes that feature or section. */
function selectContext(options: Asked) {
  const { featureId, detailSectionId } = focusOf(options);
  return {
    includeIdeaTitle: !options.skipIdeaTitle,
    includeCorePlan: !options.skipCorePlan,
    includeGithub: !options.skipGithub,
    includeRepoBinding: !options.skipRepoBinding,
    includePreviousResponseSummaries: options.includePreviousResponseSummaries ?? false,
    featureIds: featureId === undefined ? [] : [featureId],
    detailSectionRefs:
      featureId === undefined || detailSectionId === undefined ? [] : [{ featureId, detailSectionId }],
    userNote: options.userNote ?? '',
  };
}

function focusOf(options: Asked) {
  const given = (value: string | undefined): string | undefined => value?.trim() || undefined;
  const worldId = given(options.worldId);
  const featureId = given(options.featureId);
  const detailSectionId = given(options.detailSectionId);
  return {
    ...(worldId === undefined ? {} : { worldId }),
    ...(featureId === undefined ? {} : { featureId }),
    ...(detailSectionId === undefined ? {} : { detailSectionId }),
  };
}
