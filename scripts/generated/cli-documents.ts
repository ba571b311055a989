/** Renders the table of the JSON documents of `orp`: as a page, and as one JSON Schema. */

import { DOCUMENTS, type DocumentRow, SHAPES } from '../../test/contract/cli-documents.ts';
import { OWN_DOCUMENTS } from '../../test/contract/cli-own-documents.ts';
import { REVIEW_DOCUMENTS, WORK_DOCUMENTS } from '../../test/contract/cli-work-documents.ts';

const PARTS: readonly (readonly [title: string, rows: readonly DocumentRow[]])[] = [
  ['Commands of v0.4.4', DOCUMENTS],
  ['Running jobs', WORK_DOCUMENTS],
  ['Reviews with the v0.4.4 protocol', REVIEW_DOCUMENTS],
  ['Commands that v0.4.4 does not have', OWN_DOCUMENTS],
];

const INTRO = `# JSON documents of the command line

With \`--json\`, a command prints one document on stdout. \`node scripts/generate.ts\` writes this page from the table that
\`test/contract/cli-documents.test.ts\` compares with the real output, so the page is true. The same table as a JSON Schema is
[\`spec/v1/cli-documents.schema.json\`](../spec/v1/cli-documents.schema.json).

A key that is listed here stays, with its type. A document may have further keys. If a command fails, it prints no document on
stdout, and exits with 2.

Types: \`str\`, \`bool\`, \`int\`, \`null\`, \`obj\` (an object), \`list\`; \`a|b\` is one of both; \`true\`, \`false\` and \`''\` are exactly
that value. Any other word is a [shape](#shapes), and \`shape[]\` is a list of at least one.
`;

/** The page `docs/cli-json.md`. */
export function documentsPage(): string {
  const parts = PARTS.map(([title, rows]) => `## ${title}\n\n${tableOf(rows)}`);
  const shapes = Object.entries(SHAPES).map(([name, keys]) => `| \`${name}\` | ${cell(keys)} |`);
  const end = `## Shapes\n\n| shape | keys |\n| --- | --- |\n${shapes.join('\n')}\n`;
  return [INTRO, ...parts, end].join('\n');
}

function tableOf(rows: readonly DocumentRow[]): string {
  const lines = rows.map(
    ({ command, outcome, given, exit, keys }) =>
      `| \`${command}\` | ${outcome} (${given}) | ${exit} | ${cell(keys)} |`,
  );
  return `| command | outcome (situation) | exit | keys |\n| --- | --- | --- | --- |\n${lines.join('\n')}\n`;
}

/** The keys of a row. A shape that is the whole document is named once. */
function cell(keys: string): string {
  const shape = Object.entries(SHAPES).find(([name, own]) => own === keys && name !== keys);
  if (shape !== undefined && keys.split(' ').length > 8) return `all of \`${shape[0]}\``;
  return keys
    .split(' ')
    .map((key) => `\`${key.replaceAll('|', '\\|')}\``)
    .join(' ');
}

type Schema = Record<string, unknown>;

const PLAIN: Record<string, Schema> = {
  str: { type: 'string' },
  bool: { type: 'boolean' },
  int: { type: 'integer' },
  null: { type: 'null' },
  obj: { type: 'object' },
  list: { type: 'array' },
  true: { const: true },
  false: { const: false },
  "''": { const: '' },
};

/** The schema `spec/v1/cli-documents.schema.json`: each command and each shape is one of its `$defs`. */
export function documentsSchema(): Schema {
  const shapes = Object.entries(SHAPES).map(([name, keys]) => [name, objectOf(keys)]);
  const commands = new Map<string, Schema[]>();
  for (const { command, keys } of PARTS.flatMap(([, rows]) => rows)) {
    const name = definitionOf(command);
    const known = commands.get(name) ?? [];
    const shape = Object.entries(SHAPES).find(([, own]) => own === keys);
    const schema = shape === undefined ? objectOf(keys) : { $ref: `#/$defs/${shape[0]}` };
    if (!known.some((one) => JSON.stringify(one) === JSON.stringify(schema))) known.push(schema);
    commands.set(name, known);
  }
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'cli-documents.schema.json',
    title: 'JSON documents of orp',
    description:
      'What the commands print with --json. Each command is one of the definitions, such as link-status.',
    $defs: {
      ...Object.fromEntries([...commands].map(([name, schemas]) => [name, oneOf(schemas)])),
      ...Object.fromEntries(shapes),
    },
  };
}

function oneOf(schemas: readonly Schema[]): Schema {
  const [first, ...others] = schemas;
  return others.length === 0 && first !== undefined ? first : { anyOf: schemas };
}

/** The name of a command in the schema: `link session show main` becomes `link-session-show`. */
export function definitionOf(command: string): string {
  const words = command.split(' ');
  const end = words.findIndex((word) => word.startsWith('--') || /_\d|^main$/.test(word));
  return words.slice(0, end === -1 ? undefined : end).join('-');
}

function objectOf(keys: string): Schema {
  const entries = keys.split(' ').map((entry) => entry.split(':') as [string, string]);
  return {
    type: 'object',
    properties: Object.fromEntries(entries.map(([name, type]) => [name, schemaOf(type)])),
    required: entries.map(([name]) => name),
  };
}

function schemaOf(type: string): Schema {
  const choices = type.split('|');
  if (choices.length > 1) return { anyOf: choices.map(schemaOf) };
  if (type.endsWith('[]')) return { type: 'array', minItems: 1, items: schemaOf(type.slice(0, -2)) };
  return PLAIN[type] ?? { $ref: `#/$defs/${type}` };
}
