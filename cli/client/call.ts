/**
 * Calls one row of the contract. Parameters, query and body are checked by the compiler against the row; the answer is
 * what the server says (`send`), or that and read with the row's schema (`call`). Whether it is the server's is judged first.
 */

import { randomUUID } from 'node:crypto';
import { getMe } from '../../spec/contract/auth.ts';
import type { Capability } from '../../spec/contract/capabilities.ts';
import type { BodyInput, Endpoint, ParamsOf, QueryInput, ReplyOf } from '../../spec/contract/endpoint.ts';
import { issueWords } from '../../spec/issue-words.ts';
import { usageError } from '../base/exit.ts';
import type { JsonObject } from '../files/json-file.ts';
import { isObject } from '../files/json-file.ts';
import { readAnswerText } from './bounded-body.ts';
import type { Client } from './client.ts';
import { type Judged, judge, type Received } from './judge.ts';
import { isSafeToRepeat, notOffered } from './offers.ts';
import { pauseBeforeRetry } from './retry.ts';
import { foreign, incomplete, refused, ServerError, unreachable } from './server-error.ts';

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

interface CallRequest extends Extras {
  params?: Readonly<Record<string, string>>;
  query?: unknown;
  body?: unknown;
}

/**
 * Sends a request and returns the answer as it came; an empty body is `{}`. For rows that older servers answer in other
 * shapes. A row of an extension that the server does not offer is never sent.
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

/** Sends a request and reads the answer with the schema of the row; another shape is an error. */
export async function call<Row extends Endpoint>(
  client: Client,
  row: Row,
  input: CallInput<Row>,
): Promise<ReplyOf<Row>> {
  const answer = await send(client, row, input);
  // `ok` is true unless the server says otherwise.
  const read = row.reply.safeParse({ ok: true, ...answer }, { reportInput: true });
  if (read.success) return read.data as ReplyOf<Row>;
  const problems = read.error.issues.map((issue) => `${issue.path.join('.') || 'it'} ${issueWords(issue)}`);
  throw incomplete({ status: row.status, path: row.path }, problems[0] ?? '');
}

/**
 * Whether the server offers an extension. One that has not announced it is asked who it is: it may be new here, or newer
 * than before. Throws when that cannot be found out.
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
 * Has the server say what it offers, unless that is known: before anything is sent to it that would read differently.
 * Answers whether it is worth asking again. Throws when nobody answers at all.
 */
export async function introduce(client: Client): Promise<'introduced' | 'unclear'> {
  if (client.server.announces()) return 'introduced';
  try {
    await send(client, getMe, {});
  } catch (error) {
    if (!(error instanceof ServerError) || error.kind === 'network') throw error;
    // Also a refusal announces; anything else is no reason to send nothing.
    if (error.kind !== 'refused') return 'unclear';
  }
  return 'introduced';
}

/** Refuses what the server does not offer. */
export async function requireOffer(
  client: Client,
  capability: Capability,
  signal?: AbortSignal,
): Promise<void> {
  if (!(await findOffer(client, capability, signal))) throw notOffered(capability, client.baseUrl);
}

/** Everything that stays the same over the tries, so that a repeated request is the very same one. */
function prepare(client: Client, row: Endpoint, request: CallRequest): () => Promise<JsonObject> {
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
  const exchange: Exchange = { row, params: request.params ?? {}, url, path, init, signal: request.signal };
  return async () => believe(client, exchange, await receive(client, exchange));
}

interface Exchange {
  row: Endpoint;
  params: Readonly<Record<string, string>>;
  url: string;
  /** Filled in, for whoever looks for the cause. */
  path: string;
  init: RequestInit;
  signal: AbortSignal | undefined;
}

async function receive(client: Client, { url, path, init, signal: given }: Exchange): Promise<Received> {
  const timeout = AbortSignal.timeout(client.timeoutMs);
  const signal = given === undefined ? timeout : AbortSignal.any([timeout, given]);
  try {
    const response = await fetch(url, { ...init, signal });
    return { status: response.status, headers: response.headers, text: await readAnswerText(response) };
  } catch (error) {
    if (given?.aborted) throw given.reason;
    throw unreachable({ origin: new URL(client.baseUrl).origin, path }, error);
  }
}

/** The answer, if it is the server's; what it proves about the server is kept. */
async function believe(client: Client, exchange: Exchange, received: Received): Promise<JsonObject> {
  const judged = await judgeKnowing(client, exchange, received);
  const answer = { ...received, path: exchange.path };
  if ('announced' in judged && judged.announced !== undefined) client.server.learn(judged.announced);
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

/** An answer that only a server without extensions gives: the server is asked who it is, for it may have been replaced. */
async function judgeKnowing(
  client: Client,
  { row, params }: Pick<Exchange, 'row' | 'params'>,
  received: Received,
): Promise<Judged> {
  const asked = { row, params };
  const first = judge(received, { ...asked, announces: client.server.announces() });
  if (first.kind !== 'unproven' || row.name === getMe.name) return first;
  // Nobody can be asked without a token. Whoever signs in looks for a token in the answer.
  if (row.auth === 'none') return judge(received, { ...asked, announces: false });
  await send(client, getMe, {});
  return judge(received, { ...asked, announces: client.server.announces() });
}

/** Puts ids into a path. An id can neither leave its place nor name another one. */
function fillPath(path: string, params: Readonly<Record<string, string>>): string {
  return path.replace(/:([A-Za-z]+)/g, (_, name: string) => {
    const id = params[name]?.trim() ?? '';
    if (id === '' || id === '.' || id === '..') {
      throw usageError(`${JSON.stringify(id)} is not an id (${name}).`, 'Give the id as the lists show it.');
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
