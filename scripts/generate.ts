/**
 * `node scripts/generate.ts`: writes the files that are generated from `spec/` and from the table of the JSON documents. With `--check` it writes nothing, and exits
 * with 1 if a file is missing or out of date.
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod/mini';
import { PUBLISHED_SCHEMAS } from '../spec/local/published.ts';
import { openApiDocument } from '../spec/openapi/document.ts';
import { documentsPage, documentsSchema } from './generated/cli-documents.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

interface GeneratedFile {
  /** Relative to the repository. */
  path: string;
  content: string;
}

function jsonSchemaOf(name: string, schema: z.ZodMiniType): GeneratedFile {
  const { $schema, ...rest } = z.toJSONSchema(schema, {
    io: 'output',
    // Remove the `pattern`, because `format` describes the same rule in a readable way.
    override: ({ jsonSchema }) => {
      if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
    },
  });
  const document = { $schema, $id: `${name}.schema.json`, ...rest };
  return { path: `spec/v1/${name}.schema.json`, content: `${JSON.stringify(document, null, 2)}\n` };
}

/** Returns every generated file with its expected content. */
function generate(): GeneratedFile[] {
  const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { version: string };
  return [
    ...Object.entries(PUBLISHED_SCHEMAS).map(([name, schema]) => jsonSchemaOf(name, schema)),
    {
      path: 'spec/v1/cli-documents.schema.json',
      content: `${JSON.stringify(documentsSchema(), null, 2)}\n`,
    },
    { path: 'docs/cli-json.md', content: documentsPage() },
    {
      path: 'spec/openapi.json',
      content: `${JSON.stringify(openApiDocument(version), null, 2)}\n`,
    },
  ];
}

function isStale(file: GeneratedFile): boolean {
  const path = `${ROOT}${file.path}`;
  return !existsSync(path) || readFileSync(path, 'utf8') !== file.content;
}

function write(file: GeneratedFile): void {
  mkdirSync(dirname(`${ROOT}${file.path}`), { recursive: true });
  writeFileSync(`${ROOT}${file.path}`, file.content);
  console.log(`wrote ${file.path}`);
}

const stale = generate().filter(isStale);
if (!process.argv.includes('--check')) {
  stale.forEach(write);
} else if (stale.length > 0) {
  for (const file of stale) console.error(`${file.path} is stale: run \`node scripts/generate.ts\`.`);
  process.exitCode = 1;
}
