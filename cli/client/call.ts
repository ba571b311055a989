/**
 * Calls one row of the contract. Parameters, query and body are checked by the compiler against the row; the answer is
 * what the service says (`send`), or that and read with the row's schema (`call`).
 */

import { randomUUID } from 'node:crypto';
import type { BodyInput, Endpoint, ParamsOf, QueryInput, ReplyOf } from '../../spec/contract/endpoint.ts';
import { usageError } from '../exit.ts';
import type { JsonObject } from '../link/json-file.ts';
import { isObject } from '../link/json-file.ts';
import type { Client } from './client.ts';
import { pauseBeforeRetry } from './retry.ts';
import { redirected, refusal, ServiceError, undecodable, unreachable } from './service-error.ts';

/** No answer of the service is larger; more than this is not an answer of it. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

interface Extras {
  /** Further headers, such as an `Idempotency-Key` that must survive this process. */
  headers?: Readonly<Record<string, string>>;
  /** Gives up at once, also between tries. */
  signal?: AbortSignal;
}

/** The parts of a request that the row asks for, and no others. */
export type CallInput<Row extends Endpoint> = Extras &
  ([keyof ParamsOf<Row>] extends [never] ? object : { params: ParamsOf<Row> }) &
  ([QueryInput<Row>] extends [never] ? object : { query: QueryInput<Row> }) &
  ([BodyInput<Row>] extends [never] ? object : { body: BodyInput<Row> });

interface Request extends Extras {
  params?: Readonly<Record<string, string>>;
  query?: unknown;
  body?: unknown;
}

/**
 * Sends a request and returns the answer as it came: an empty body is `{}`, and any other JSON than an object is
 * `{payload}`. For rows that older services answer in other shapes, or whose answer only counts by its status.
 */
export async function send<Row extends Endpoint>(
  client: Client,
  row: Row,
  input: CallInput<Row>,
): Promise<JsonObject> {
  const request: Request = input;
  const attempt = prepare(client, row, request);
  for (let failed = 0; ; ) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      failed += 1;
      const next = { failed, idempotent: row.idempotent, policy: client.retry };
      const pause = pauseBeforeRetry(error, next, client.random());
      if (pause === undefined) throw error;
      await client.sleep(pause, request.signal);
    }
  }
}

/** Sends a request and reads the answer with the schema of the row; another shape is an error. */
export async function call<Row extends Endpoint>(
  client: Client,
  row: Row,
  input: CallInput<Row>,
): Promise<ReplyOf<Row>> {
  const answer = await send(client, row, input);
  // `ok` is true unless the service says otherwise.
  const read = row.reply.safeParse({ ok: true, ...answer });
  if (read.success) return read.data as ReplyOf<Row>;
  const issue = read.error.issues[0];
  const where = issue?.path.join('.') || 'the answer';
  throw undecodable(
    { status: row.status, path: row.path },
    `not as agreed: ${where}: ${issue?.message ?? ''}`,
  );
}

/** Everything that stays the same over the tries, so that a repeated request is the very same one. */
function prepare(client: Client, row: Endpoint, request: Request): () => Promise<JsonObject> {
  const path = fillPath(row.path, request.params ?? {});
  const url = `${client.baseUrl}${path}${formatQuery(request.query)}`;
  const headers: Record<string, string> = {
    ...client.headers,
    Accept: 'application/json',
    'Content-Type': 'application/json',
    'X-Request-Id': randomUUID(),
    ...(row.auth === 'user' ? { Authorization: `Bearer ${client.token}` } : {}),
    ...(row.idempotent && row.method === 'POST' ? { 'Idempotency-Key': randomUUID() } : {}),
    ...request.headers,
  };
  const init: RequestInit = { method: row.method, headers, redirect: 'manual' };
  if (request.body !== undefined) init.body = JSON.stringify(request.body);
  return () => exchange(client, { url, path, init, signal: request.signal });
}

interface Exchange {
  url: string;
  /** For messages. */
  path: string;
  init: RequestInit;
  signal: AbortSignal | undefined;
}

async function exchange(client: Client, request: Exchange): Promise<JsonObject> {
  const timeout = AbortSignal.timeout(client.timeoutMs);
  const signal = request.signal === undefined ? timeout : AbortSignal.any([timeout, request.signal]);
  let response: Response;
  let text: string;
  try {
    response = await fetch(request.url, { ...request.init, signal });
    text = await readBounded(response);
  } catch (error) {
    if (request.signal?.aborted) throw request.signal.reason;
    throw unreachable(new URL(client.baseUrl).origin, error);
  }
  return readAnswer(response, text, request.path);
}

function readAnswer(response: Response, text: string, path: string): JsonObject {
  const { status, headers } = response;
  if (status >= 300 && status < 400) throw redirected({ status, path, location: headers.get('location') });
  if (!response.ok) throw refusal({ status, path, text, retryAfter: headers.get('retry-after') });
  if (text.trim() === '') return {};
  const value = parseJson(text);
  if (value === undefined) throw undecodable({ status, path }, 'not JSON');
  return isObject(value) ? value : { payload: value };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The caller says that it is not JSON; undefined is nothing JSON can be.
    return undefined;
  }
}

async function readBounded(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  for await (const bytes of response.body ?? []) {
    size += bytes.byteLength;
    if (size > MAX_ANSWER_BYTES) throw new Error(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`);
    text += decoder.decode(bytes, { stream: true });
  }
  return text + decoder.decode();
}

/** Puts ids into a path. An id can neither leave its place nor name another one. */
function fillPath(path: string, params: Readonly<Record<string, string>>): string {
  return path.replace(/:([A-Za-z]+)/g, (_, name: string) => {
    const id = params[name]?.trim() ?? '';
    if (id === '' || id === '.' || id === '..') {
      throw usageError(
        `${JSON.stringify(id)} is not an id (${name}).`,
        'Give the id as the service lists it.',
      );
    }
    return encodeURIComponent(id);
  });
}

function formatQuery(query: unknown): string {
  const pairs = Object.entries(isObject(query) ? query : {}).flatMap(([key, value]) =>
    (Array.isArray(value) ? value : [value])
      .filter((item) => item !== undefined && item !== null && item !== '')
      .map((item) => `${encodeURIComponent(key)}=${encodeURIComponent(String(item))}`),
  );
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}
