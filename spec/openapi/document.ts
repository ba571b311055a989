/** The OpenAPI 3.1 document of the API, built from the rows of the contract. `spec/openapi.json` is its copy for readers. */

import * as z from 'zod/mini';
import { CAPABILITIES_HEADER, VERSIONS_HEADER } from '../capabilities.ts';
import { ROWS } from '../contract/all-endpoints.ts';
import { type Endpoint, sentKind } from '../contract/endpoint.ts';
import { attempt, job, stopReceipt, transcriptEntry, waiting } from '../contract/jobs.ts';
import { COMMON_ERRORS, ERROR_CODES, type ErrorCode, HTTP_STATUS } from '../errors.ts';
import { kindsWhere } from '../job/kinds.ts';
import { serverHealth } from '../overview/monitoring.ts';

type Json = Record<string, unknown>;

export interface Operation extends Json {
  operationId: string;
  summary: string;
  tags: [string];
  parameters?: Parameter[];
  requestBody?: { required: true; content: { 'application/json': { schema: JsonSchema } } };
  responses: Record<string, Json>;
  security: Json[];
}

export interface Parameter extends Json {
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  schema: JsonSchema;
}

/** The parts of a JSON Schema that the page of the API reads. */
export interface JsonSchema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  items?: JsonSchema;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  anyOf?: JsonSchema[];
  [key: string]: unknown;
}

export interface OpenApi {
  openapi: '3.1.0';
  info: Json;
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, JsonSchema>; responses: Json; securitySchemes: Json };
}

/** The groups of the document, with the paths that belong to them. The first match counts. */
const TAGS = [
  {
    name: 'Jobs',
    paths: /^\/api\/cli\/runner\/jobs$|\/jobs\/:jobId(\/(events|transcript|cancel|retry))?$/,
    description: 'Queue prompts, follow them, read their answers.',
  },
  {
    name: 'Ideas',
    paths: /^\/api\/cli\/(ideas|features|checkpoints)/,
    description: 'Ideas, their features, their repositories, and reviews of them.',
  },
  { name: 'Account', paths: /^\/api\/(auth|cli\/me|cli\/ids)/, description: 'Sign in, and manage tokens.' },
  {
    name: 'Operators',
    paths: /^\/api\/admin\//,
    description: 'Machines, alerts, charts, orders and people of all accounts. Everybody else gets 403.',
  },
  {
    name: 'Runners',
    paths: /^\/api\//,
    description:
      'What a runner on a machine calls: synchronize, claim, report. docs/protocol.md describes the order.',
  },
  { name: 'Server', paths: /^\//, description: 'The health of the server.' },
] as const;

/** Schemas that many operations share. They are in `components`. */
function sharedSchemas() {
  const registry = z.registry<{ id: string }>();
  registry.add(job, { id: 'Job' });
  registry.add(attempt, { id: 'Attempt' });
  registry.add(waiting, { id: 'Waiting' });
  registry.add(stopReceipt, { id: 'StopReceipt' });
  registry.add(transcriptEntry, { id: 'TranscriptEntry' });
  return registry;
}

/** `apiVersion`: the release that the document describes. */
export function openApiDocument(apiVersion: string): OpenApi {
  const registry = sharedSchemas();
  const schemas: Record<string, JsonSchema> = { Error: ERROR_SCHEMA };
  const convert = (schema: z.ZodMiniType, io: 'input' | 'output') =>
    toSchema(schema, { io, registry, schemas });
  const paths: OpenApi['paths'] = {
    '/health': { get: healthOperation(convert) },
  };
  for (const row of ROWS as readonly Endpoint[]) {
    const path = row.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [row.method.toLowerCase()]: operationOf(row, convert) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'ORP Runner',
      version: apiVersion,
      description: ABOUT,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    tags: TAGS.map(({ name, description }) => ({ name, description })),
    paths,
    components: {
      schemas,
      responses: {
        Refused: {
          description: `Every route may refuse with one of these codes: ${COMMON_ERRORS.join(', ')}.`,
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
        },
      },
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'A token of an account: `orp auth token create`, or the answer of a sign-in.',
        },
      },
    },
  };
}

const ABOUT = `Send work to coding agents on your own machines. Branch on the \`code\` of a refusal, never on its sentence. Every answer below \`/api/\` has the headers \`${CAPABILITIES_HEADER}\` (what this server offers beyond the contract of v0.4.4) and \`${VERSIONS_HEADER}\`. docs/protocol.md describes the order of the calls and all bounds.`;

const ERROR_SCHEMA: JsonSchema = {
  type: 'object',
  properties: {
    error: { type: 'string', description: 'One sentence for people.' },
    code: { type: 'string', enum: [...ERROR_CODES] },
    requestId: { type: 'string' },
    hint: { type: 'string', description: 'What to do about it.' },
  },
  required: ['error', 'code', 'requestId'],
};

type Convert = (schema: z.ZodMiniType, io: 'input' | 'output') => JsonSchema;

function operationOf(row: Endpoint, convert: Convert): Operation {
  const parameters = [...pathParameters(row), ...queryParameters(row, convert), ...headerParameters(row)];
  return {
    operationId: row.name,
    summary: row.summary,
    tags: [tagOf(row.path)],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(row.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: convert(row.body, 'input') } },
          },
        }),
    responses: {
      ...successOf(row, convert),
      ...refusalsOf(row),
      default: { $ref: '#/components/responses/Refused' },
    },
    security: row.auth === 'user' ? [{ token: [] }] : [],
    ...(row.auth === 'user' ? { 'x-orp-scope': row.needs } : {}),
    ...(row.capability === undefined ? {} : { 'x-orp-capability': row.capability }),
    'x-orp-idempotent': row.idempotent,
    'x-orp-max-body-bytes': row.maxBodyBytes,
  };
}

function tagOf(path: string): string {
  return TAGS.find(({ paths }) => paths.test(path))?.name ?? 'Server';
}

function pathParameters({ path }: Endpoint): Parameter[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

function queryParameters({ query }: Endpoint, convert: Convert): Parameter[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = convert(query, 'input');
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
}

/** The routes that create a record accept an idempotency key, so that a repeated request creates only one record. */
const KEYED: readonly string[] = ['enqueueJob', 'queueCheckpoint'];

function headerParameters({ name }: Endpoint): Parameter[] {
  const schema = { type: 'string', pattern: '^[\\x21-\\x7e]{1,128}$' };
  return KEYED.includes(name)
    ? [{ name: 'Idempotency-Key', in: 'header', required: false, schema }]
    : name === 'followJob'
      ? [{ name: 'Last-Event-ID', in: 'header', required: false, schema: { type: 'string' } }]
      : [];
}

function successOf(row: Endpoint, convert: Convert): Record<string, Json> {
  if (row.answers === 'ws')
    return { '101': { description: 'A WebSocket with one JSON event per text frame.' } };
  if (row.answers === 'sse')
    return {
      '200': {
        description: 'A stream of server-sent events.',
        content: { 'text/event-stream': { schema: { type: 'string' } } },
      },
    };
  return {
    [row.status]: {
      description: 'Success.',
      content: { 'application/json': { schema: convert(row.reply, 'output') } },
    },
  };
}

/** The refusals that only this row declares, by status. The refusals of every route are not included. */
function refusalsOf(row: Endpoint): Record<string, Json> {
  const common: readonly ErrorCode[] = COMMON_ERRORS;
  const own = row.errors.filter((code) => !common.includes(code));
  const statuses = [...new Set(own.map((code) => HTTP_STATUS[code]))];
  return Object.fromEntries(
    statuses.map((status) => [
      String(status),
      {
        description: `Refused: ${own.filter((code) => HTTP_STATUS[code] === status).join(', ')}.`,
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    ]),
  );
}

function healthOperation(convert: Convert): Operation {
  const content = { 'application/json': { schema: convert(serverHealth, 'output') } };
  return {
    operationId: 'health',
    summary: 'Say which version runs, whether the database answers, and when cron last ran.',
    tags: ['Server'],
    responses: {
      '200': { description: 'The database answers.', content },
      '503': { description: 'The database does not answer.', content },
    },
    security: [],
  };
}

/** Converts a schema. Moves shared schemas into `schemas`. */
function toSchema(
  schema: z.ZodMiniType,
  {
    io,
    registry,
    schemas,
  }: {
    io: 'input' | 'output';
    registry: ReturnType<typeof sharedSchemas>;
    schemas: Record<string, JsonSchema>;
  },
): JsonSchema {
  const converted = z.toJSONSchema(schema, {
    io,
    metadata: registry,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
      // A newer server may answer with more fields.
      if (io === 'output' && jsonSchema.additionalProperties === false)
        delete jsonSchema.additionalProperties;
      // A function checks the kind of a job against the table of kinds, so zod cannot derive a JSON Schema. List the kinds here.
      if (zodSchema._zod.def.type === 'custom') {
        const isSent = zodSchema === sentKind;
        const kinds = kindsWhere((rules) => !isSent || rules.composedBy === 'sender');
        Object.assign(jsonSchema, { type: 'string', enum: kinds });
      }
    },
  }) as JsonSchema & { $defs?: Record<string, JsonSchema> };
  const {
    $schema: _,
    $defs = {},
    id: __,
    ...rest
  } = JSON.parse(
    JSON.stringify(converted).replaceAll('"#/$defs/', '"#/components/schemas/'),
  ) as typeof converted;
  for (const [name, shared] of Object.entries($defs)) {
    const { id: _id, ...definition } = shared;
    schemas[name] ??= definition;
  }
  return rest;
}
