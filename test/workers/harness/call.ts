/** Calls contract rows over the real front door of the Worker, and holds every answer against its schema. */

import { exports } from 'cloudflare:workers';
import { expect } from 'vitest';
import { utf8Length } from '../../../spec/bounds.ts';
import { CAPABILITIES_HEADER } from '../../../spec/capabilities.ts';
import type {
  BodyInput,
  Endpoint,
  ErrorsOf,
  ParamsOf,
  QueryInput,
  ReplyOf,
} from '../../../spec/contract/endpoint.ts';
import type { ErrorBody, ErrorCode } from '../../../spec/errors.ts';
import { HTTP_STATUS } from '../../../spec/errors.ts';
import type { Person } from './people.ts';

const ORIGIN = 'https://orp.test';

export interface Call<Row> {
  as?: Person | undefined;
  params?: ParamsOf<Row>;
  query?: QueryInput<Row>;
  body?: BodyInput<Row>;
  headers?: Record<string, string>;
}

/** A request that need not obey the contract. */
export interface RawCall {
  method: string;
  path: string;
  as?: Person | undefined;
  token?: string;
  headers?: Record<string, string>;
  /** Sent as it is. */
  body?: string | ReadableStream<Uint8Array>;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

export async function sendRaw({ method, path, as, token, headers, body }: RawCall): Promise<Answer> {
  const bearer = token ?? as?.token;
  const response = await exports.default.fetch(`${ORIGIN}${path}`, {
    method,
    headers: {
      'Content-Type': 'application/json',
      // As every client sends it with a text; the runtime adds none to a request within itself.
      ...(typeof body === 'string' ? { 'Content-Length': String(utf8Length(body)) } : {}),
      ...(bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
  });
  // Whatever is asked: an answer without it would be taken for one of a server that offers nothing.
  if (path.startsWith('/api/')) expect(response.headers.get(CAPABILITIES_HEADER), path).toContain('release');
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** The path of a row with its parameters filled in. */
export function pathOf(
  row: Endpoint,
  params: Record<string, string> = {},
  query: unknown = undefined,
): string {
  const path = row.path.replace(/:(\w+)/g, (_, name: string) =>
    encodeURIComponent(params[name] ?? 'unknown'),
  );
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries((query ?? {}) as Record<string, unknown>)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined) search.append(key, String(one));
    }
  }
  return search.size > 0 ? `${path}?${search}` : path;
}

export function send<Row extends Endpoint>(row: Row, call: Call<Row>): Promise<Answer> {
  return sendRaw({
    method: row.method,
    path: pathOf(row, call.params, call.query),
    as: call.as,
    ...(call.headers ? { headers: call.headers } : {}),
    ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
  });
}

/** A call that must be accepted: the declared status, a body of the declared shape, no null for an absent string. */
export async function accepts<Row extends Endpoint>(row: Row, call: Call<Row>): Promise<ReplyOf<Row>> {
  const answer = await send(row, call);
  expect(answer.status, `${row.name} answered ${answer.text}`).toBe(row.status);
  const body: unknown = JSON.parse(answer.text);
  expect(nullsIn(body), `nulls in the answer of ${row.name}`).toEqual([]);
  return row.reply.parse(body) as ReplyOf<Row>;
}

/** A call that must be refused with a declared code, in the shape of every refusal. */
export async function refuses<Row extends Endpoint>(
  row: Row,
  code: NoInfer<ErrorsOf<Row>>,
  call: Call<Row>,
): Promise<ErrorBody> {
  return expectRefusal(await send(row, call), code);
}

/** The same for tables over many rows, where the parts of a call are not known to the compiler. */
export async function refusesAny(
  row: Endpoint,
  code: ErrorCode,
  call: { as?: Person; params?: Record<string, string>; query?: object; body?: object },
): Promise<ErrorBody> {
  const answer = await sendRaw({
    method: row.method,
    path: pathOf(row, call.params, call.query),
    as: call.as,
    ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
  });
  return expectRefusal(answer, code);
}

export function expectRefusal(answer: Answer, code: ErrorCode): ErrorBody {
  const body = JSON.parse(answer.text) as ErrorBody;
  expect({ status: answer.status, code: body.code }, answer.text).toEqual({
    status: HTTP_STATUS[code],
    code,
  });
  expect(body.error).toMatch(/^\S.*\.$/s);
  expect(body.requestId).toBe(answer.headers.get('X-Request-Id'));
  expect(JSON.stringify(body)).not.toMatch(/\bat .*\.ts:\d+|SQLITE|D1_ERROR/);
  return body;
}

/** Paths of every null in an answer; `job: null` of an idle poll is the only one the wire allows. */
function nullsIn(value: unknown, path = ''): string[] {
  if (value === null) return path === '.job' ? [] : [path];
  if (typeof value !== 'object') return [];
  return Object.entries(value as object).flatMap(([key, inner]) => nullsIn(inner, `${path}.${key}`));
}
