/**
 * Mounts the routes of the contract. Contains the code that all routes share: authentication, parsing, and the form of
 * results and refusals. A handler does not compile if it refuses with an undeclared code or answers outside its schema.
 */

import type { Context, Hono } from 'hono';
import { accessWords, mayUse } from '../../spec/access.ts';
import { DELIVERIES } from '../../spec/bounds.ts';
import type {
  BodyOf,
  Endpoint,
  ErrorsOf,
  ParamsOf,
  QueryOf,
  ReplyInput,
} from '../../spec/contract/endpoint.ts';
import { accept, type ErrorCode, type Refusal, type Result, refuse } from '../../spec/errors.ts';
import { pathId } from '../../spec/ids.ts';
import type { SignedIn } from '../accounts/authenticate.ts';
import { type Pacer, pacers } from '../accounts/pace.ts';
import type { Deps } from '../base/deps.ts';
import type { AboutRequest, AppEnv } from './app-env.ts';
import { refusalResponse } from './error-answers.ts';
import { discardBody, parse, readBody } from './parse.ts';
import { answerWithin, inTurn, leftMs } from './turns.ts';

export interface RowRequest<Row> {
  params: ParamsOf<Row>;
  query: QueryOf<Row>;
  body: BodyOf<Row>;
  deps: Deps;
  /** The signed-in person. Undefined for routes with `auth: 'none'`. */
  auth: Row extends { auth: 'none' } ? undefined : SignedIn;
  /** Handlers need the context for headers and the address. */
  context: Context<AppEnv>;
}

type Handler<Row extends Endpoint> = (
  request: RowRequest<Row>,
) => Promise<Result<ReplyInput<Row> | Response, NoInfer<ErrorsOf<Row>>>>;

/** Registers the handler of one row. */
export function mount<const Row extends Endpoint>(app: Hono<AppEnv>, row: Row, handler: Handler<Row>): void {
  async function answer(context: Context<AppEnv>): Promise<Response> {
    const ms = leftMs(context);
    const request = await readRequest(context, row);
    if (!request.ok) return refusalResponse(context, request.refusal);
    context.set('about', idsOf(request.value));
    const work = handler(request.value as RowRequest<Row>);
    const result = await answerWithin(context, { work, ms, letGo });
    if (!result.ok) return refusalResponse(context, result.refusal as Refusal);
    if (result.value instanceof Response) return result.value;
    const text = JSON.stringify(withoutAbsent(result.value));
    context.get('deps').spent.bytes += text.length;
    return context.body(text, row.status, { 'Content-Type': 'application/json' });
  }
  app.on(row.method, row.path, async function endpoint(context: Context<AppEnv>) {
    return inTurn(context, {
      pacer: pacerOf(context, row),
      streams: row.answers !== 'json',
      answer: () => answer(context),
      async refused(refusal) {
        await discardBody(context.req.raw, row.maxBodyBytes);
        return refusalResponse(context, refusal);
      },
    });
  });
}

/** Chooses the budget for a request. */
function pacerOf(context: Context<AppEnv>, row: Endpoint): Pacer {
  if (row.paced) return pacers.requests;
  if (row.maxBodyBytes < DELIVERIES.smallBytes) return pacers.signsOfLife;
  const length = Number(context.req.header('content-length') ?? Number.NaN);
  // Without a Content-Length, the body may be as large as the route accepts.
  return length <= DELIVERIES.smallBytes ? pacers.smallDeliveries : pacers.largeDeliveries;
}

/** Closes a channel or stream that opened too late, because it has no reader. */
async function letGo(result: Result<unknown>): Promise<void> {
  if (!result.ok || !(result.value instanceof Response)) return;
  result.value.webSocket?.accept();
  result.value.webSocket?.close();
  await result.value.body?.cancel();
}

/** Returns the ids in a request. They have passed their schemas, so they are short and have safe characters. */
function idsOf({ params, query, body }: RowRequest<Endpoint>): AboutRequest {
  const named: Record<string, unknown> = { ...fieldsOf(body), ...fieldsOf(query), ...fieldsOf(params) };
  const id = (name: keyof AboutRequest): string | undefined => {
    const value = named[name];
    return typeof value === 'string' ? value : undefined;
  };
  return { jobId: id('jobId'), machineId: id('machineId'), leaseId: id('leaseId') };
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

async function readRequest(
  context: Context<AppEnv>,
  row: Endpoint,
): Promise<Result<RowRequest<Endpoint>, ErrorCode>> {
  const auth = context.get('auth');
  if (row.auth === 'user' && auth === undefined) {
    return refuse(
      'unauthenticated',
      'Sign in first. The token is missing, unknown or revoked.',
      'Run orp auth login.',
    );
  }
  if (auth !== undefined && row.auth === 'user' && !mayUse(auth.token, row.needs)) {
    const { message, hint } = accessWords(auth.token, row.needs);
    return refuse('insufficient_scope', message, hint);
  }
  const params = readParams(context.req.param());
  if (!params.ok) return params;
  const query = parse(row.query, readQuery(context), 'query');
  if (!query.ok) return query;
  const body = row.body ? await parseBody(context, row) : accept(undefined);
  if (!body.ok) return body;
  return accept({
    params: params.value,
    query: query.value,
    body: body.value,
    deps: context.get('deps'),
    auth,
    context,
  } as RowRequest<Endpoint>);
}

/** Reads the ids in the path. An invalid id is answered with `not_found`, and the sentence names the parameter. */
function readParams(params: Record<string, string>): Result<Record<string, string>, 'invalid_input'> {
  for (const [name, value] of Object.entries(params)) {
    if (!pathId.safeParse(value).success) {
      return refuse('invalid_input', `${name} in the path may hold letters, digits and . _ : ~ - only.`);
    }
  }
  return accept(params);
}

/** Reads the query. The values of a repeated key become an array. */
function readQuery(context: Context<AppEnv>): Record<string, string | string[]> {
  const entries = Object.entries(context.req.queries());
  return Object.fromEntries(
    entries.map(([key, values]) => [key, values.length === 1 ? (values[0] ?? '') : values]),
  );
}

async function parseBody(context: Context<AppEnv>, row: Endpoint): Promise<Result<unknown, ErrorCode>> {
  const bytes = await readBody(context.req.raw, row.maxBodyBytes);
  context.get('deps').spent.bytes += bytes?.byteLength ?? 0;
  if (bytes === undefined) {
    return refuse(
      'body_too_large',
      `The request may have at most ${row.maxBodyBytes} bytes.`,
      'Send less at once.',
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch {
    return refuse('invalid_json', 'The body is not JSON.', 'Send one JSON object, UTF-8.');
  }
  return parse(row.body, json, 'body');
}

/**
 * Removes absent fields, because the v0.4.4 client reads an explicit null as the text `None`. Keeps `job: null`, which means
 * idle.
 */
export function withoutAbsent(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutAbsent);
  if (value === null || typeof value !== 'object') return value;
  const kept = Object.entries(value).filter(
    ([key, one]) => (one !== null && one !== undefined) || (one === null && key === 'job'),
  );
  return Object.fromEntries(kept.map(([key, one]) => [key, withoutAbsent(one)]));
}
