/** What the server, or the way to it, answers instead of a result, as an error for people. */

import { clip } from '../../spec/text.ts';
import { CliError } from '../base/exit.ts';
import { oneLine } from '../base/one-line.ts';
import type { Received, Sentence } from './judge.ts';

/** A longer message is not a sentence any more. */
const MAX_MESSAGE_CHARACTERS = 300;

/**
 * How a call failed:
 *
 *   refused    the server said no, in its own form
 *   unsigned   somebody said no in a sentence, without a code and a request id: as v0.4.4 servers do, and others may
 *   foreign    something between here and the server answered
 *   network    nobody answered
 *   unusable   the server answered, and this `orp` cannot read it
 */
export type FailureKind = 'refused' | 'unsigned' | 'foreign' | 'network' | 'unusable';

/** A failed call. `status` is 0 when no answer came. */
export class ServerError extends CliError {
  override readonly name = 'ServerError';
  readonly kind: FailureKind;
  readonly status: number;
  /** How long the server asks to wait before the next try. */
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

/** An answer that is no success, and what it was to. */
export interface FailedAnswer extends Received {
  path: string;
}

const HINTS: Record<number, string> = {
  401: 'Sign in again: `orp auth login`, then `orp auth verify` if a code was sent.',
  403: 'Check that this record belongs to the account you are signed in with (`orp whoami`).',
  404: 'List the records again: this one may have been removed.',
  408: 'Run the command again.',
  409: 'The record changed since it was read: read it again, then repeat the change.',
  413: 'Send less at once.',
  429: 'Wait a moment, then run the command again.',
};

/** What to do when the server does not say it itself. */
function hintFor(status: number): string {
  if (status >= 500) return 'The server has a problem: run the command again later.';
  return HINTS[status] ?? 'Check the values you gave, and the base URL.';
}

/** A refusal that the server signed, or a sentence of somebody who did not. */
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

/** What somebody else answered. `isSafe`: the same request may be sent again without doing anything twice. */
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
      ? 'Nothing was lost: check the network (a sign-in page, a proxy, a firewall) and the base URL, then run the command again.'
      : 'Check the network (a sign-in page, a proxy, a firewall) and the base URL. Before you run the command again, look whether it took effect.',
    retryAfterMs: readRetryAfter(headers.get('retry-after')),
  });
}

/** Following a redirect would show the token to somebody else. */
function redirected({ status, path, headers }: FailedAnswer): ServerError {
  const location = headers.get('location');
  const where = location === null ? '' : ` to ${clip(oneLine(location), MAX_MESSAGE_CHARACTERS)}`;
  return new ServerError(`Something between here and the server redirects${where}.`, {
    kind: 'foreign',
    status,
    path,
    code: 'redirected',
    hint: 'Redirects are not followed. If the network wants you to sign in, do that first; if the server has moved, give its new address with --base-url or ORP_BASE_URL.',
  });
}

/** A success in the server's form that lacks something this command needs. */
export function incomplete({ status, path }: { status: number; path: string }, what: string): ServerError {
  return new ServerError(`The server's answer is not usable: ${what}.`, {
    kind: 'unusable',
    status,
    path,
    code: 'unexpected_answer',
    hint: 'Update `orp` if the server is newer. If the base URL is wrong, run `orp auth login --base-url <url>`.',
  });
}

/** No answer at all. */
export function unreachable({ origin, path }: { origin: string; path: string }, cause: unknown): ServerError {
  return new ServerError(`The server ${origin} cannot be reached: ${networkReason(cause)}.`, {
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
  const cause: unknown = error.cause;
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return reasonOf(cause.errors[0]);
  return reasonOf(cause instanceof Error ? cause : error);
}

function reasonOf(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const words = oneLine(error.message || code || 'connection failed').replace(/\.+$/, '');
  return clip(words, MAX_MESSAGE_CHARACTERS);
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
