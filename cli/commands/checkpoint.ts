/** `orp checkpoint queue`. */

import type { Command } from 'commander';
import { queueCheckpoint } from '../../spec/contract/runner.ts';
import { usageError } from '../base/exit.ts';
import { shellWord } from '../base/shell-word.ts';
import { send } from '../client/call.ts';
import { signedInClient } from '../client/client.ts';
import { readString } from '../files/fields.ts';
import type { JsonObject } from '../files/json-file.ts';
import { wholeId, withId } from '../hosted/whole-id.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { said } from '../output/page.ts';
import { type Line, printResult } from '../output/print.ts';
import type { Rich } from '../output/text-output.ts';
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
