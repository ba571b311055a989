/** Errors of the server or the network, with texts for people. */

import { clip } from '../../spec/text.ts';
import { CliError } from '../base/exit.ts';
import { oneLine } from '../base/one-line.ts';
import type { Received, Sentence } from './judge.ts';

/** Limit for messages from the server. */
const MAX_MESSAGE_CHARACTERS = 300;

/**
 * How a call failed:
 *
 *   refused    the server refused, in its own form
 *   unsigned   a refusal without code and request id, from a v0.4.4 server or anything else
 *   foreign    something between here and the server answered
 *   network    no answer
 *   unusable   the server answered in a form that this `orp` cannot read
 */
export type FailureKind = 'refused' | 'unsigned' | 'foreign' | 'network' | 'unusable';

/** A failed call. `status` is 0 without an answer. */
export class ServerError extends CliError {
  override readonly name = 'ServerError';
  readonly kind: FailureKind;
  readonly status: number;
  /** The wait that the server asks for, in ms. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, facts: ServerErrorFacts) {
    const { status, path } = facts;
    super(message, { ...facts, details: { ...(status === 0 ? {} : { status }), path } });
    this.kind = facts.kind;
    this.status = status;
    this.retryAfterMs = facts.retryAfterMs;
  }
}

interface ServerErrorFacts {
  kind: FailureKind;
  status: number;
  path: string;
  code: string;
  hint?: string | undefined;
  retryAfterMs?: number | undefined;
  cause?: unknown;
}

/** An unsuccessful answer and its request. */
export interface FailedAnswer extends Received {
  path: string;
}

const HINTS: Record<number, string> = {
  401: 'Sign in again with `orp auth login`, then run `orp auth verify` if the server sends a code.',
  403: 'Check with `orp whoami` that you are signed in to the account that owns this record.',
  404: 'List the records again. This one may have been removed.',
  408: 'Run the command again.',
  409: 'The record has changed. Read it again, then repeat the change.',
  413: 'Send less data at once.',
  429: 'Wait a moment, then run the command again.',
};

/** The hint when the server sends none. */
function hintFor(status: number): string {
  if (status >= 500) return 'The server has a problem. Run the command again later.';
  return HINTS[status] ?? 'Check the values and the base URL.';
}

/** A refusal, signed by the server or not. */
export function refused(
  answer: FailedAnswer,
  { message, code, hint }: Sentence,
  kind: 'refused' | 'unsigned',
): ServerError {
  const { status, path, headers } = answer;
  return new ServerError(`${clip(oneLine(message.replace(/[.\s]+$/, '')), MAX_MESSAGE_CHARACTERS)}.`, {
    kind,
    status,
    path,
    code: code === '' ? `http_${status}` : code,
    hint: hint === undefined ? hintFor(status) : clip(oneLine(hint), MAX_MESSAGE_CHARACTERS),
    retryAfterMs: readRetryAfter(headers.get('retry-after')),
  });
}

/** An answer that is not from the server. `isSafe`: repeating the request has no second effect. */
export function foreign(
  answer: FailedAnswer,
  { what, isSafe }: { what: string; isSafe: boolean },
): ServerError {
  const { status, path, headers } = answer;
  if (status >= 300 && status < 400) return redirected(answer);
  return new ServerError(`Something between here and the server answered (${oneLine(what)}).`, {
    kind: 'foreign',
    status,
    path,
    code: 'unexpected_answer',
    hint: isSafe
      ? 'Nothing was lost. Check the network (sign-in page, proxy, firewall) and the base URL, then run the command again.'
      : 'Check the network (sign-in page, proxy, firewall) and the base URL. Check whether the command took effect before you repeat it.',
    retryAfterMs: readRetryAfter(headers.get('retry-after')),
  });
}

/** Redirects are not followed, because that could leak the token. */
function redirected({ status, path, headers }: FailedAnswer): ServerError {
  const location = headers.get('location');
  const where = location === null ? '' : ` to ${clip(oneLine(location), MAX_MESSAGE_CHARACTERS)}`;
  return new ServerError(`Something between here and the server redirects${where}.`, {
    kind: 'foreign',
    status,
    path,
    code: 'redirected',
    hint: 'If the network requires a sign-in, do that first. If the server has moved, pass its new address with --base-url or ORP_BASE_URL.',
  });
}

/** A successful answer that lacks something the command needs. */
export function incomplete({ status, path }: { status: number; path: string }, what: string): ServerError {
  return new ServerError(`The server's answer is invalid: ${what}.`, {
    kind: 'unusable',
    status,
    path,
    code: 'unexpected_answer',
    hint: 'Update `orp` if the server is newer. If the base URL is wrong, run `orp auth login --base-url <url>`.',
  });
}

/** No answer. */
export function unreachable({ origin, path }: { origin: string; path: string }, cause: unknown): ServerError {
  return new ServerError(`Could not reach the server ${origin}: ${networkReason(cause)}.`, {
    kind: 'network',
    status: 0,
    path,
    code: 'unreachable',
    hint: 'Check the network and the base URL, then run the command again.',
    cause,
  });
}

function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'no answer in time';
  // One error for each address of the server.
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return reasonOf(error.errors[0]);
  return reasonOf(error);
}

function reasonOf(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const words = oneLine(error.message || code || 'connection failed').replace(/\.+$/, '');
  return clip(words, MAX_MESSAGE_CHARACTERS);
}

/** Limits `Retry-After` to a day. */
const MOST_RETRY_AFTER_MS = 24 * 60 * 60 * 1000;

/** `Retry-After` in ms: seconds or an HTTP date (RFC 9110 §10.2.3), at most a day. Invalid values are ignored. */
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
