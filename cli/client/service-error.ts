/** What the service, or the way to it, answers instead of a result (contract/hosted-api.md §0.5–§0.6). */

import { CliError } from '../exit.ts';
import { readString } from '../link/fields.ts';
import { isObject } from '../link/json-file.ts';
import { oneLine } from '../output/print.ts';

/** A longer message is not a sentence any more. */
const MAX_MESSAGE_CHARACTERS = 300;

/** How a call failed: the service said no; the network did; or what came back was no answer of this service. */
export type FailureKind = 'refused' | 'network' | 'undecodable';

/** A failed call. `status` is 0 when no answer came. */
export class ServiceError extends CliError {
  override readonly name = 'ServiceError';
  readonly kind: FailureKind;
  readonly status: number;
  /** How long the service asks to wait before the next try. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, facts: ServiceErrorFacts) {
    super(message, facts);
    this.kind = facts.kind;
    this.status = facts.status;
    this.retryAfterMs = facts.retryAfterMs;
  }
}

interface ServiceErrorFacts {
  kind: FailureKind;
  status: number;
  code: string;
  hint?: string | undefined;
  retryAfterMs?: number | undefined;
  cause?: unknown;
}

const HINTS: Record<number, string> = {
  401: 'Sign in again: `orp auth login`, then `orp auth verify` if a code was sent.',
  403: 'The service rejected the operation: check that this record belongs to your account.',
  404: 'The record may have changed: list again and retry.',
  408: 'Run the command again.',
  409: 'The record changed since it was fetched: open it again and retry.',
  413: 'Send less at once.',
  429: 'Wait a moment, then run the command again.',
};

/** What to do when the service does not say it itself. */
function hintFor(status: number): string {
  if (status >= 500)
    return 'The service, or something in front of it, has a problem: run the command again later.';
  return HINTS[status] ?? 'Check the ids and values that were given, and the base URL.';
}

/** An answer that is not 2xx. */
export function refusal(answer: {
  status: number;
  path: string;
  text: string;
  retryAfter: string | null;
}): ServiceError {
  const body = parseObject(answer.text);
  const message = body === undefined ? plainMessage(answer.text) : readString(body, 'error', 'message');
  const sentence = (message ?? `The service answered with status ${answer.status}`).replace(/[.\s]+$/, '');
  return new ServiceError(`${cut(oneLine(sentence))} (status=${answer.status} path=${answer.path}).`, {
    kind: 'refused',
    status: answer.status,
    code: (body && readString(body, 'code')) ?? `http_${answer.status}`,
    hint: (body && readString(body, 'hint')) ?? hintFor(answer.status),
    retryAfterMs: readRetryAfter(answer.retryAfter),
  });
}

/** A redirect: following it would show the token to somebody else. */
export function redirected(answer: { status: number; path: string; location: string | null }): ServiceError {
  const where = answer.location === null ? '' : ` to ${cut(oneLine(answer.location))}`;
  return new ServiceError(`The service redirects${where} (status=${answer.status} path=${answer.path}).`, {
    kind: 'refused',
    status: answer.status,
    code: 'redirected',
    hint: 'Redirects are not followed: use the final address as --base-url or ORP_BASE_URL.',
  });
}

/** A success whose body is not what the service says. */
export function undecodable(answer: { status: number; path: string }, what: string): ServiceError {
  return new ServiceError(`The answer is ${what} (status=${answer.status} path=${answer.path}).`, {
    kind: 'undecodable',
    status: answer.status,
    code: 'unexpected_answer',
    hint: 'Something between here and the service answered, or the base URL is wrong: try the network, then `orp auth login --base-url <url>`.',
  });
}

/** No answer at all. */
export function unreachable(origin: string, cause: unknown): ServiceError {
  return new ServiceError(`The service ${origin} cannot be reached: ${networkReason(cause)}.`, {
    kind: 'network',
    status: 0,
    code: 'unreachable',
    hint: 'Check the network and the base URL, then run the command again.',
    cause,
  });
}

function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'no answer in time';
  const cause: unknown = error.cause;
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return reasonOf(cause.errors[0]);
  return reasonOf(cause instanceof Error ? cause : error);
}

function reasonOf(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return cut(oneLine(error.message || code || 'connection failed').replace(/\.+$/, ''));
}

function parseObject(text: string) {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    // Not JSON: the text itself is the message.
    return undefined;
  }
}

function plainMessage(text: string): string | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  return /^<(!doctype|html|\?xml)/i.test(trimmed) ? 'The service answered with a web page' : trimmed;
}

/** A server that asks for more is asked again after a day. */
const MOST_RETRY_AFTER_MS = 24 * 60 * 60 * 1000;

/** Whole seconds, or a date of HTTP (RFC 9110 §10.2.3); nonsense counts as not given. At most a day. */
export function readRetryAfter(text: string | null, now = Date.now()): number | undefined {
  const word = text?.trim() ?? '';
  const ms = /^\d+$/.test(word)
    ? Number(word) * 1000
    : HTTP_DATE.test(word)
      ? Date.parse(word) - now
      : Number.NaN;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), MOST_RETRY_AFTER_MS);
}

const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

function cut(text: string): string {
  return text.length <= MAX_MESSAGE_CHARACTERS ? text : `${text.slice(0, MAX_MESSAGE_CHARACTERS - 1)}…`;
}
