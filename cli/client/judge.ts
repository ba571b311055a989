/**
 * Decides whether an answer comes from the server. A proxy, a sign-in page or a firewall may answer anything with any status.
 * Only the server's own answer may end a lease, drop content, set a result aside, sign a user out or end a wait.
 *
 *   not 2xx, JSON with `error`, a known `code` and a `requestId`  → the server's refusal
 *   not 2xx, JSON with a sentence in `error` or `message`         → unsigned: shown to people, otherwise ignored
 *   2xx, JSON with the fields of the row                          → the server's answer
 *   2xx, JSON in the looser forms of v0.4.4                       → its answer, unless the server has announced extensions
 *   anything else                                                 → foreign
 *
 * A server that announces extensions includes the fields of the row in every answer. Other servers may be v0.4.4, whose contract
 * is loose: their answers need `ok: true` or one of the fields. An empty answer acknowledges nothing, so it is accepted only
 * where nothing depends on it.
 */

import * as z from 'zod/mini';
import { CAPABILITIES_HEADER, type Capability, readCapabilities } from '../../spec/capabilities.ts';
import type { Endpoint } from '../../spec/contract/endpoint.ts';
import { ERROR_CODES, type ErrorCode } from '../../spec/errors.ts';
import { clip } from '../../spec/text.ts';
import { readString } from '../files/fields.ts';
import { isObject, type JsonObject } from '../files/json-file.ts';

/** An answer before its origin is known. */
export interface Received {
  status: number;
  text: string;
  headers: Pick<Headers, 'get'>;
}

export interface Sentence {
  message: string;
  /** Empty if the answer has none. */
  code: string;
  hint?: string | undefined;
}

export type Judged =
  /** `announced`: the extensions in the answer. Undefined if the answer does not prove its origin. */
  | { kind: 'answer'; value: JsonObject; announced: ReadonlySet<Capability> | undefined }
  | {
      kind: 'refusal';
      refusal: Sentence & { code: ErrorCode };
      announced: ReadonlySet<Capability>;
    }
  | { kind: 'unsigned'; sentence: Sentence }
  /** Valid for v0.4.4, but this server has announced extensions. */
  | { kind: 'unproven'; what: string }
  /** `what` describes the answer for a person, for example `a web page`. */
  | { kind: 'foreign'; what: string };

/** The request that was answered. */
export interface Asked {
  row: Endpoint;
  /** The ids of the path. */
  params: Readonly<Record<string, string>>;
  /** True if the server has announced extensions before. */
  announces: boolean;
}

/** Judges an answer to a JSON row. */
export function judge(received: Received, asked: Asked): Judged {
  const { status } = received;
  if (status >= 200 && status < 300) return judgeSuccess(received, asked);
  return judgeRefusal(received);
}

/** Judges an unsuccessful answer, also to a stream request. */
export function judgeRefusal(received: Received): Exclude<Judged, { kind: 'answer' | 'unproven' }> {
  const body = received.status >= 400 ? parseJson(received.text) : undefined;
  if (!isObject(body)) return { kind: 'foreign', what: describe(received) };
  const message = readString(body, 'error', 'message');
  const code = readString(body, 'code') ?? '';
  const hint = readString(body, 'hint');
  if (message === undefined) return { kind: 'foreign', what: describe(received) };
  const known = ERROR_CODES.find((name) => name === code);
  if (known === undefined || readString(body, 'requestId') === undefined) {
    return { kind: 'unsigned', sentence: { message, code, hint } };
  }
  const announced = readCapabilities(received.headers.get(CAPABILITIES_HEADER)) ?? NOTHING;
  return { kind: 'refusal', refusal: { message, code: known, hint }, announced };
}

const NOTHING: ReadonlySet<Capability> = new Set();

function judgeSuccess(received: Received, asked: Asked): Judged {
  const what = describe(received);
  const isEmpty = received.text.trim() === '';
  const value = isEmpty ? {} : parseJson(received.text);
  if (!isObject(value) || isAboutAnother(value, asked)) return { kind: 'foreign', what };
  const announced = readCapabilities(received.headers.get(CAPABILITIES_HEADER));
  const isWhole = hasFieldsOf(asked.row, value) || isFlatIdentity(asked.row, value);
  const isOwn = saysMoreThanOk(asked.row, value) || (announced !== undefined && hasItsOk(asked.row, value));
  if (isWhole && isOwn) return { kind: 'answer', value, announced: announced ?? NOTHING };
  if (announced !== undefined && announced.size > 0) return { kind: 'foreign', what };
  if (!isLikeFirstServers(asked.row, value)) return { kind: 'foreign', what };
  return asked.announces ? { kind: 'unproven', what } : { kind: 'answer', value, announced };
}

/** Returns whether the answer names another job than the request. */
function isAboutAnother({ job }: JsonObject, { params }: Asked): boolean {
  const { jobId } = params;
  if (jobId === undefined || !isObject(job) || job.id === undefined) return false;
  return job.id !== jobId.trim();
}

/**
 * Returns whether the answer has the top-level fields of the row. Nested fields are not checked, because a newer server may
 * change them. `ok` defaults to true.
 */
function hasFieldsOf(row: Endpoint, value: JsonObject): boolean {
  const said = { ok: true, ...value };
  const read = row.reply.safeParse(said);
  if (read.success) return true;
  if (isObject(value.job) && value.job.id === undefined) return false;
  return read.error.issues.every(({ code, path }) => {
    if (code === 'invalid_union' || path.length === 0) return false;
    // An unknown enum value comes from a newer server.
    return path.length > 1 || (code === 'invalid_value' && typeof valueAt(said, path) === 'string');
  });
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inside, key) => (typeof inside === 'object' && inside !== null ? Reflect.get(inside, key) : undefined),
    value,
  );
}

/** v0.4.4 servers may return the user without a wrapper. */
function isFlatIdentity(row: Endpoint, value: JsonObject): boolean {
  return (
    row.name === 'getMe' && readString(value, 'id') !== undefined && readString(value, 'email') !== undefined
  );
}

/** `{"ok": true}` alone proves nothing. */
function saysMoreThanOk(row: Endpoint, value: JsonObject): boolean {
  return (
    isFlatIdentity(row, value) || fieldNames(row).some((name) => name !== 'ok' && value[name] !== undefined)
  );
}

/**
 * Routes that may have an empty answer: a poll without a job, an idea without a world, or a heartbeat. Accepting an empty answer from
 * these routes is safe, because none of them acknowledges data.
 */
const MAY_BE_EMPTY: ReadonlySet<string> = new Set([
  'pollJob',
  'pollAgent',
  'getWorld',
  'heartbeat',
  'syncMachine',
]);

/** The answers of v0.4.4 servers: `ok`, a field of the row, or the bare record. */
function isLikeFirstServers(row: Endpoint, value: JsonObject): boolean {
  if (Object.keys(value).length === 0) return MAY_BE_EMPTY.has(row.name);
  if (value.ok === true || readString(value, 'id') !== undefined) return true;
  return saysMoreThanOk(row, value) || OTHER_NAMES.some((name) => value[name] !== undefined);
}

/** Additional fields in the answers of v0.4.4 servers. */
const OTHER_NAMES = ['items', 'nextCursor', 'pendingVerification', 'email', 'userId'] as const;

/** Every row has fields except the idle answer of the compatibility poll. */
function hasItsOk(row: Endpoint, { ok }: JsonObject): boolean {
  return ok === true || !fieldNames(row).includes('ok');
}

function fieldNames({ reply }: Endpoint): string[] {
  return shapesOf(reply).flatMap((shape) => Object.keys(shape));
}

/** The fields of an object schema, or of each member of a union. */
function shapesOf(schema: unknown): object[] {
  if (schema instanceof z.ZodMiniObject) return [schema.shape];
  if (schema instanceof z.ZodMiniUnion) return schema.def.options.flatMap(shapesOf);
  return [];
}

/** Maximum length of the excerpt that helps people recognize the sender. */
const MAX_WORDS = 80;

function describe({ status, text, headers }: Received): string {
  const trimmed = text.trim();
  if (status >= 300 && status < 400) return 'a redirect';
  if (trimmed === '') return 'an empty answer';
  if (/^<(!doctype|html|\?xml)/i.test(trimmed) || headers.get('content-type')?.startsWith('text/html')) {
    return 'a web page';
  }
  if (parseJson(trimmed) !== undefined) return "JSON that is not in the server's form";
  return `the text "${clip(trimmed.replaceAll(/\s+/g, ' '), MAX_WORDS)}"`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // JSON has no undefined.
    return undefined;
  }
}
