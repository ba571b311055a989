/** `orp feature list|show|add|update|remove`: the features of an idea, with their detail sections. */

import type { Command } from 'commander';
import { addFeature, removeFeature, showIdea, updateFeature } from '../../spec/contract/ideas.ts';
import { CliError, usageError } from '../base/exit.ts';
import { oneLine } from '../base/one-line.ts';
import { shellWord } from '../base/shell-word.ts';
import { send } from '../client/call.ts';
import { type Client, signedInClient } from '../client/client.ts';
import { readString } from '../files/fields.ts';
import { isObject, type JsonObject } from '../files/json-file.ts';
import { parseTimestamp } from '../files/timestamps.ts';
import { wholeId, withId } from '../hosted/whole-id.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { age, facts, said, table } from '../output/page.ts';
import { plainText } from '../output/plain-text.ts';
import { formatRows, type Line, printResult } from '../output/print.ts';
import { paint, type Rich } from '../output/text-output.ts';
import { type BodyOptions, featureBody, sectionsOf } from './feature-body.ts';
import { type Shell, withCommonOptions } from './shell.ts';

interface FeatureOptions extends CommonOptions {
  ideaId: string;
}

type EditOptions = FeatureOptions & BodyOptions;

export function registerFeature(group: Command, shell: Shell): void {
  withCommonOptions(
    group.command('list').description('list the features of an idea').argument('<idea-id>'),
  ).action((id: string, options: CommonOptions) => shell.run(options, (context) => list(context, id)));

  withCommonOptions(
    withIdea(group.command('show').description('show a feature with its sections').argument('<feature-id>')),
  ).action((id: string, options: FeatureOptions) =>
    shell.run(options, (context) => show(context, id, options)),
  );

  withCommonOptions(
    withBodyOptions(
      withIdea(group.command('add').description('add a feature to an idea')).requiredOption(
        '--title <title>',
        'title',
      ),
    ),
  ).action((options: EditOptions) => shell.run(options, (context) => add(context, options)));

  withCommonOptions(
    withBodyOptions(
      withIdea(
        group
          .command('update')
          .description('change a feature; fails if the feature changes while the command runs')
          .argument('<feature-id>'),
      ).option('--title <title>', 'title'),
    ),
  ).action((id: string, options: EditOptions) =>
    shell.run(options, (context) => update(context, id, options)),
  );

  withCommonOptions(
    group.command('remove').description('delete a feature permanently').argument('<feature-id>'),
  ).action((id: string, options: CommonOptions) => shell.run(options, (context) => remove(context, id)));
}

function withIdea(command: Command): Command {
  return command.requiredOption('--idea-id <id>', 'idea of the feature');
}

function withBodyOptions(command: Command): Command {
  return command
    .option('--notes <text>', 'notes')
    .option('--detail <text>', 'text of the first section; the other sections stay')
    .option('--detail-label <label>', 'label of the first section')
    .option('--details-file <path>', 'JSON file with all sections (in place of --detail)')
    .option('--details-json <json>', 'all sections as JSON (in place of --detail)')
    .option('--clear-details', 'remove all sections')
    .option('--starred', 'star it')
    .option('--super-starred', 'super-star it')
    .option('--completed', 'mark it as completed')
    .option('--incomplete', 'mark it as not completed')
    .option('--visibility <visibility>', 'for example: private');
}

interface IdeaFeatures {
  client: Client;
  ideaId: string;
  title: string;
  features: JsonObject[];
}

/** Reads the idea with its features, which servers of every version answer. */
async function fetchFeatures(context: Context, given: string): Promise<IdeaFeatures> {
  const client = await signedInClient(context);
  return withId(client, { kind: 'idea', given }, async (ideaId) => {
    const answer = await send(client, showIdea, { params: { ideaId } });
    const idea = isObject(answer.idea) ? answer.idea : answer;
    const found = [answer.features, idea.features].find((value) => Array.isArray(value)) ?? [];
    const features = Array.isArray(found) ? found.filter(isObject) : [];
    return {
      client,
      ideaId: readString(idea, 'id') ?? ideaId,
      title: readString(idea, 'title') ?? '',
      features,
    };
  });
}

async function list(context: Context, id: string): Promise<void> {
  const { ideaId, title, features } = await fetchFeatures(context, id);
  printResult(
    context,
    { idea_id: ideaId, idea_title: title, features },
    {
      lines: () =>
        formatRows(
          [
            ['idea.id', ideaId],
            ['idea.title', title],
            ['features.count', features.length],
          ],
          features.map((feature) => featureLines(feature, ['id', 'title', 'updated_at'])),
        ),
      page: (columns) => listPage(features, { columns, now: context.now(), title }),
    },
  );
}

async function show(context: Context, id: string, options: FeatureOptions): Promise<void> {
  const { ideaId, feature } = await findFeature(context, id, options.ideaId);
  printResult(
    context,
    { idea_id: ideaId, feature },
    { lines: featureLines(feature, ['id', 'title', 'updated_at']), page: () => featurePage(feature) },
  );
}

/** Finds a feature of an idea by its id, or by the beginning of its id. */
async function findFeature(context: Context, id: string, idea: string) {
  const found = await fetchFeatures(context, idea);
  const idOf = (feature: JsonObject) => readString(feature, 'id') ?? '';
  const exact = found.features.filter((feature) => idOf(feature) === id);
  const fitting = exact.length > 0 ? exact : found.features.filter((feature) => idOf(feature).startsWith(id));
  const [feature, ...others] = id.trim() === '' ? [] : fitting;
  if (feature === undefined) {
    throw new CliError(`Idea ${found.ideaId} has no feature ${id}.`, {
      code: 'not_found',
      hint: `\`orp feature list ${shellWord(found.ideaId)}\` shows its features.`,
    });
  }
  if (others.length > 0) {
    throw new CliError(`Several features of idea ${found.ideaId} start with ${id}.`, {
      code: 'ambiguous_id',
      hint: `Give more of the id: ${fitting.map(idOf).join(', ')}.`,
    });
  }
  return { ...found, feature, featureId: idOf(feature) };
}

async function add(context: Context, options: EditOptions): Promise<void> {
  const body = await featureBody(options, { cwd: context.cwd, before: [] });
  const client = await signedInClient(context);
  const title = body.title ?? '';
  const answer = await withId(client, { kind: 'idea', given: options.ideaId }, (ideaId) =>
    send(client, addFeature, { params: { ideaId }, body: { ideaId, ...body, title } }),
  );
  printResult(context, answer, {
    lines: [...featureLines(answer, ['id', 'title']), ['idea.id', textOf(answer, 'ideaId')]],
    page: () => said('done', ['Added ', nameOf(answer)]),
  });
}

async function update(context: Context, id: string, options: EditOptions): Promise<void> {
  // Rejects wrong options before the first request.
  const asked = await featureBody(options, { cwd: context.cwd, before: [] });
  if (Object.keys(asked).length === 0) {
    throw usageError(
      'No change given.',
      'Pass at least one of --title, --notes, --detail, --details-file, --details-json, --clear-details, --starred, --super-starred, --completed, --incomplete, --visibility.',
    );
  }
  const { client, ideaId, feature, featureId } = await findFeature(context, id, options.ideaId);
  const body = await featureBody(options, { cwd: context.cwd, before: sectionsOf(feature) });
  const updatedAt = readString(feature, 'updatedAt');
  // A change of `completed` alone needs no precondition.
  const isGuarded = updatedAt !== undefined && Object.keys(body).some((key) => key !== 'completed');
  const answer = await send(client, updateFeature, {
    params: { featureId },
    body: { ideaId, ...body, ...(isGuarded ? { updatedAt } : {}) },
  });
  printResult(context, answer, {
    lines: featureLines(answer, ['id', 'title', 'updated_at']),
    page: () => said('done', ['Changed ', nameOf(answer)]),
  });
}

async function remove(context: Context, id: string): Promise<void> {
  const client = await signedInClient(context);
  // Not `withId`: the id of a feature that is already gone must not be read as the beginning of another id.
  const featureId = await wholeId(client, 'feature', id);
  const answer = await send(client, removeFeature, { params: { featureId } });
  printResult(context, answer, {
    lines: [
      ['feature.id', readString(answer, 'removedFeatureId')],
      ['idea.id', readString(answer, 'ideaId')],
      ['ok', Boolean(answer.ok)],
    ],
    page: () => said('done', `Removed ${readString(answer, 'removedFeatureId') ?? featureId}.`),
  });
}

const WIRE_NAMES = { id: 'id', title: 'title', updated_at: 'updatedAt' } as const;

/** Lines for a feature, flat or wrapped in the answer. */
function featureLines(answer: JsonObject, names: readonly (keyof typeof WIRE_NAMES)[]): Line[] {
  return names.map((name) => [`feature.${name}`, textOf(answer, WIRE_NAMES[name])]);
}

function textOf(answer: JsonObject, name: string): string {
  const wrapped = isObject(answer.feature) ? answer.feature : {};
  return readString(answer, name) ?? readString(wrapped, name) ?? '';
}

function nameOf(answer: JsonObject): Rich {
  return [paint('bold', textOf(answer, 'title')), ` · ${textOf(answer, 'id')}`];
}

function marksOf(feature: JsonObject): string {
  const star = feature.superStarred === true ? '★★' : feature.starred === true ? '★' : '';
  return [feature.completed === true ? '✓' : '', star].filter(Boolean).join(' ');
}

function stateOf(feature: JsonObject): string {
  const star = feature.superStarred === true ? 'super-starred' : feature.starred === true ? 'starred' : '';
  return [feature.completed === true ? 'completed' : '', star].filter(Boolean).join(', ');
}

function featurePage(feature: JsonObject): Rich {
  const notes = textOf(feature, 'notes');
  return [
    [paint('bold', oneLine(textOf(feature, 'title'))), '\n'],
    facts([
      ['Id', textOf(feature, 'id')],
      ['State', stateOf(feature)],
      ['Visibility', textOf(feature, 'visibility')],
      ['Changed', textOf(feature, 'updatedAt')],
    ]),
    notes === '' ? '' : ['\n', plainText(notes.trimEnd()), '\n'],
    sectionsOf(feature).map(
      ({ label, body }): Rich => ['\n', paint('bold', oneLine(label)), '\n', plainText(body.trimEnd()), '\n'],
    ),
  ];
}

function listPage(
  features: readonly JsonObject[],
  { columns, now, title }: { columns: number; now: number; title: string },
): Rich {
  if (features.length === 0) return `No features in ${oneLine(title)}.\n`;
  const rows = features.map((feature) => {
    const at = parseTimestamp(textOf(feature, 'updatedAt'));
    const marks = marksOf(feature);
    const name = textOf(feature, 'title');
    return [
      textOf(feature, 'id'),
      at === undefined ? '' : age(now - at),
      marks === '' ? name : `${marks} ${name}`,
    ];
  });
  return table(
    ['FEATURE', 'AGE', 'TITLE'],
    rows.map((cells) => cells.map((text) => ({ text }))),
    columns,
  );
}
