/**
 * Calls one row of the contract. The compiler checks parameters, query and body against the row. `send` returns the raw answer.
 * `call` parses the answer with the row's schema. Both first check that the answer comes from the server.
 */

import { randomUUID } from 'node:crypto';
import { type Capability, readVersions, VERSIONS_HEADER } from '../../spec/capabilities.ts';
import { getMe } from '../../spec/contract/auth.ts';
import type { BodyInput, Endpoint, ParamsOf, QueryInput, ReplyOf } from '../../spec/contract/endpoint.ts';
import { issueWords } from '../../spec/issue-words.ts';
import { usageError } from '../base/exit.ts';
import { hearVersions } from '../base/version.ts';
import type { JsonObject } from '../files/json-file.ts';
import { isObject } from '../files/json-file.ts';
import { readAnswerText } from './bounded-body.ts';
import type { Client } from './client.ts';
import { type HttpRequest, request } from './http.ts';
import { type Judged, judge, type Received } from './judge.ts';
import { isSafeToRepeat, notOffered } from './offers.ts';
import { pauseBeforeRetry } from './retry.ts';
import { foreign, incomplete, refused, ServerError, unreachable } from './server-error.ts';

interface Extras {
  /** Additional headers, such as an `Idempotency-Key` that outlives this process. */
  headers?: Readonly<Record<string, string>>;
  /** Aborts the call, also between attempts. */
  signal?: AbortSignal;
}

/** Exactly the request parts that the row requires. */
export type CallInput<Row extends Endpoint> = Extras &
  ([keyof ParamsOf<Row>] extends [never] ? object : { params: ParamsOf<Row> }) &
  ([QueryInput<Row>] extends [never] ? object : { query: QueryInput<Row> }) &
  ([BodyInput<Row>] extends [never] ? object : { body: BodyInput<Row> });

interface CallRequest extends Extras {
  params?: Readonly<Record<string, string>>;
  query?: unknown;
  body?: unknown;
}

/**
 * Sends a request and returns the raw answer; an empty body becomes `{}`. For rows that older servers answer in other shapes.
 * Never sends rows of extensions that the server does not offer.
 */
export async function send<Row extends Endpoint>(
  client: Client,
  row: Row,
  input: CallInput<Row>,
): Promise<JsonObject> {
  const request: CallRequest = input;
  if (row.capability !== undefined) await requireOffer(client, row.capability, request.signal);
  const attempt = prepare(client, row, request);
  for (let failed = 0; ; ) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      failed += 1;
      const next = { failed, mayRepeat: isSafeToRepeat(row, client.server), policy: client.retry };
      const pause = pauseBeforeRetry(error, next, client.random());
      if (pause === undefined) throw error;
      await client.sleep(pause, request.signal);
    }
  }
}

/** Sends a request and parses the answer with the row's schema. Another shape is an error. */
export async function call<Row extends Endpoint>(
  client: Client,
  row: Row,
  input: CallInput<Row>,
): Promise<ReplyOf<Row>> {
  const answer = await send(client, row, input);
  // `ok` defaults to true.
  const read = row.reply.safeParse({ ok: true, ...answer }, { reportInput: true });
  if (read.success) return read.data as ReplyOf<Row>;
  const problems = read.error.issues.map((issue) => `${issue.path.join('.') || 'it'} ${issueWords(issue)}`);
  throw incomplete({ status: row.status, path: row.path }, problems[0] ?? '');
}

/**
 * Returns whether the server offers an extension. If the server has not announced it, asks the server, which may have been
 * updated. Throws if the server is unreachable.
 */
export async function findOffer(
  client: Client,
  capability: Capability,
  signal?: AbortSignal,
): Promise<boolean> {
  if (client.server.offers(capability)) return true;
  try {
    await send(client, getMe, signal === undefined ? {} : { signal });
  } catch (error) {
    if (!client.server.offers(capability)) throw error;
  }
  return client.server.offers(capability);
}

/**
 * Asks the server which extensions it offers, unless that is known. Used before requests whose meaning depends on them.
 * Returns `unclear` if something other than the server answered. Throws if nothing answers.
 */
export async function introduce(client: Client): Promise<'introduced' | 'unclear'> {
  if (client.server.announces()) return 'introduced';
  try {
    await send(client, getMe, {});
  } catch (error) {
    if (!(error instanceof ServerError) || error.kind === 'network') throw error;
    // A refusal announces extensions, too. Other failures must not block the request.
    if (error.kind !== 'refused') return 'unclear';
  }
  return 'introduced';
}

/** Rejects rows that the server does not offer. */
export async function requireOffer(
  client: Client,
  capability: Capability,
  signal?: AbortSignal,
): Promise<void> {
  if (!(await findOffer(client, capability, signal))) throw notOffered(capability, client.baseUrl);
}

/** The parts of a request that all attempts share, so that a retry is identical. */
function prepare(client: Client, row: Endpoint, request: CallRequest): () => Promise<JsonObject> {
  const path = fillPath(row.path, request.params ?? {});
  const url = `${client.baseUrl}${path}${formatQuery(request.query)}`;
  const headers: Record<string, string> = {
    ...client.headers,
    Accept: 'application/json',
    'Accept-Encoding': 'gzip',
    'Content-Type': 'application/json',
    'X-Request-Id': randomUUID(),
    ...(row.auth === 'user' ? { Authorization: `Bearer ${client.token}` } : {}),
    ...(row.idempotent && row.method === 'POST' ? { 'Idempotency-Key': randomUUID() } : {}),
    ...request.headers,
  };
  const body = request.body === undefined ? undefined : JSON.stringify(request.body);
  const init = { method: row.method, headers, body };
  const exchange: Exchange = { row, params: request.params ?? {}, url, path, init, signal: request.signal };
  return async () => believe(client, exchange, await receive(client, exchange));
}

interface Exchange {
  row: Endpoint;
  params: Readonly<Record<string, string>>;
  url: string;
  /** The path with the ids filled in. Only debug messages show it. */
  path: string;
  init: HttpRequest;
  signal: AbortSignal | undefined;
}

async function receive(client: Client, exchange: Exchange): Promise<Received> {
  const { row, params, url, path, init, signal: given } = exchange;
  const { baseUrl, token, carry } = client;
  const carried = await carry?.({ row, params, body: init.body, baseUrl, token, signal: given });
  if (carried !== undefined) return carried;
  const timeout = AbortSignal.timeout(client.timeoutMs);
  const signal = given === undefined ? timeout : AbortSignal.any([timeout, given]);
  try {
    const answer = await request(url, { ...init, signal });
    return { status: answer.status, headers: answer.headers, text: await readAnswerText(answer) };
  } catch (error) {
    if (given?.aborted) throw given.reason;
    throw unreachable({ origin: new URL(client.baseUrl).origin, path }, error);
  }
}

/** Returns the answer if it is the server's, and stores the extensions that it announces. */
async function believe(client: Client, exchange: Exchange, received: Received): Promise<JsonObject> {
  const judged = await judgeKnowing(client, exchange, received);
  const answer = { ...received, path: exchange.path };
  if ('announced' in judged && judged.announced !== undefined) {
    client.server.learn(judged.announced);
    const versions = readVersions(received.headers.get(VERSIONS_HEADER));
    hearVersions({
      origin: new URL(client.baseUrl).origin,
      newest: versions.newest,
      oldest: versions.oldest,
    });
  }
  switch (judged.kind) {
    case 'answer':
      return judged.value;
    case 'refusal':
      throw refused(answer, judged.refusal, 'refused');
    case 'unsigned':
      throw refused(answer, judged.sentence, 'unsigned');
    case 'unproven':
    case 'foreign':
      throw foreign(answer, { what: judged.what, isSafe: isSafeToRepeat(exchange.row, client.server) });
  }
}

/**
 * Handles an answer that only a v0.4.4 server gives. Asks the server for its extensions again, because the server may have been replaced
 * by an older version.
 */
async function judgeKnowing(
  client: Client,
  { row, params }: Pick<Exchange, 'row' | 'params'>,
  received: Received,
): Promise<Judged> {
  const asked = { row, params };
  const first = judge(received, { ...asked, announces: client.server.announces() });
  if (first.kind !== 'unproven' || row.name === getMe.name) return first;
  // The question about extensions needs a token. The sign-in command itself checks whether its answer contains a token.
  if (row.auth === 'none') return judge(received, { ...asked, announces: false });
  await send(client, getMe, {});
  return judge(received, { ...asked, announces: client.server.announces() });
}

/** Inserts ids into a path. An id cannot change the rest of the path. */
function fillPath(path: string, params: Readonly<Record<string, string>>): string {
  return path.replace(/:([A-Za-z]+)/g, (_, name: string) => {
    const id = params[name]?.trim() ?? '';
    if (id === '' || id === '.' || id === '..') {
      throw usageError(
        `${JSON.stringify(id)} is not a valid id (${name}).`,
        'Use the id from the list command.',
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
