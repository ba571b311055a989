/**
 * Replaces secrets in text before it is written to the spool, even if a secret is split over several pieces or messages.
 */

import { decodedPieces } from './byte-runs.ts';
import { findCredentials } from './credentials.ts';
import { findKeys, openKey } from './key-blocks.ts';
import { Literals } from './literals.ts';
import { findMarkedTokens } from './marked-tokens.ts';
import { findTokens, openToken } from './token-shapes.ts';
import { ESCAPE, plainView, type Stretch } from './view.ts';

/** The text that replaces a secret. */
export const REDACTED = '[redacted]';

/** The maximum amount of text that is held back, for one line or for several lines that may contain one secret. */
const MAX_HELD_CHARS = 16 * 1024;
/** How much text after a cut in a long line is examined before the cut. It is longer than any token. */
const LOOK_AHEAD_CHARS = 8 * 1024;
/** A longer secret (a key, a run of base64) is replaced in parts. */
const MAX_SECRET_CHARS = 64 * 1024;
/**
 * How much shown text is kept, because it helps to recognize the next text: a name before a value, the start of a `.netrc`
 * line.
 */
const CONTEXT_CHARS = 512;

/** Redacts a text that is complete. */
export function redactText(text: string, secrets: readonly string[]): string {
  return replace(text, findSecrets(text, secrets), 0);
}

/** Redacts the texts of a result. They may come from the agent, from a tool, or from a system error. */
export function redactResult<T extends ResultText>(result: T, secrets: readonly string[]): T {
  const redacted = { ...result };
  for (const field of ['content', 'summary', 'error'] as const) {
    const text = result[field];
    if (text !== undefined) redacted[field] = redactText(text, secrets);
  }
  return redacted;
}

interface ResultText {
  content?: string | undefined;
  summary?: string | undefined;
  error?: string | undefined;
}

/**
 * Redacts a stream of text. Complete lines are returned at once, unless they may be a part of a secret of several lines. The
 * output is the same as `redactText` of the complete text. A line that is longer than `MAX_HELD_CHARS` is returned in parts.
 */
export class Redactor {
  readonly #secrets: readonly string[];
  #context = '';
  #held = '';

  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
  }

  /** Accepts the next piece. Returns the text that can be shown now. */
  push(piece: string): string {
    const text = this.#held + piece;
    if (!piece.includes('\n') && text.length <= MAX_HELD_CHARS) {
      this.#held = text;
      return '';
    }
    const secrets = this.#find(text);
    const settled = settledLength(text, this.#secrets);
    const isTooMuch = text.length - settled > MAX_HELD_CHARS;
    return this.#show(text, secrets, isTooMuch ? text.length - LOOK_AHEAD_CHARS : settled);
  }

  /** Returns the text that was held back, at the end of the stream. */
  end(): string {
    const text = this.#held;
    return this.#show(text, this.#find(text), text.length);
  }

  /** Returns the text that was held back, unredacted. It may be a part of a secret. */
  takeHeld(): string {
    const held = this.#held;
    this.#held = '';
    return held;
  }

  #find(text: string): Stretch[] {
    const before = this.#context.length;
    return findSecrets(this.#context + text, this.#secrets)
      .map(([from, to]): Stretch => [Math.max(0, from - before), to - before])
      .filter(([, to]) => to > 0);
  }

  /** Returns the text up to a cut near `wanted` that is not inside a secret, and keeps the rest. */
  #show(text: string, secrets: readonly Stretch[], wanted: number): string {
    let cut = wanted;
    const crossing = secrets.find(([from, to]) => from < wanted && to > wanted);
    if (crossing) cut = text.length - crossing[0] > MAX_SECRET_CHARS ? crossing[1] : crossing[0];
    else if (wanted < text.length) cut = beforeEscape(text, wanted);
    this.#held = text.slice(cut);
    this.#context = (this.#context + text.slice(0, cut)).slice(-CONTEXT_CHARS);
    const shown = secrets.filter(([, to]) => to <= cut);
    const last = shown.at(-1);
    // Keep the title, so that the rest of a key that is cut here is still recognized.
    const title = last && last[1] === cut ? /-----BEGIN [A-Z ]{0,40}-----/.exec(text.slice(last[0])) : null;
    if (title) this.#context = `${title[0]}\n`;
    return replace(text.slice(0, cut), shown, 0);
  }
}

/**
 * Redacts messages, each of which is shown as soon as it arrives. A secret that is split over two messages is removed from
 * both: from the first message if its end looks like the beginning of a secret.
 */
export class MessageRedactor {
  readonly #secrets: readonly string[];
  #before = '';
  #last: string | undefined;

  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
  }

  push(message: string): string {
    this.skip(message);
    return this.#redact(message);
  }

  /** Accepts a message that is not shown. */
  skip(message: string): void {
    if (this.#last !== undefined) this.#before = (this.#before + this.#last).slice(-LOOK_AHEAD_CHARS);
    this.#last = message;
  }

  /** Redacts the answer of the agent. It is usually the last message, which may begin with the end of a secret. */
  answer(text: string): string {
    return this.#last?.trim() === text.trim() ? this.#redact(text) : redactText(text, this.#secrets);
  }

  #redact(message: string): string {
    const before = this.#before;
    const secrets = findSecrets(before + message, this.#secrets);
    const text = before + message;
    const open = openToken(text)?.[0] ?? text.length - literalsOf(this.#secrets).openEnd(text);
    const own = secrets.filter(([, to]) => to > before.length);
    const all =
      open < text.length && !own.some(([, to]) => to > open) ? [...own, [open, text.length] as const] : own;
    return replace(text, all, before.length);
  }
}

/** Returns how much of `text` cannot become part of a secret, whatever text follows. */
function settledLength(text: string, secrets: readonly string[]): number {
  const lines = text.slice(0, text.lastIndexOf('\n') + 1);
  return Math.min(openKey(lines), lines.length - literalsOf(secrets).openLines(lines));
}

/** An incomplete escape with all its marks, or the first half of a character beyond U+FFFF. */
const OPEN_ESCAPE = new RegExp(`[\\\\%&${ESCAPE}]+[^\\s\\\\%&${ESCAPE}]{0,12}$|[\\uD800-\\uDBFF]$`);

/** Moves a cut so that it is neither inside an escape nor inside a character. */
function beforeEscape(text: string, index: number): number {
  const open = OPEN_ESCAPE.exec(text.slice(Math.max(0, index - 64), index));
  return index - (open?.[0].length ?? 0);
}

/** The text from `from`, with a mark instead of each secret. */
function replace(text: string, secrets: readonly Stretch[], from: number): string {
  let out = '';
  let done = from;
  for (const [start, end] of secrets) {
    out += text.slice(done, Math.max(done, start)) + REDACTED;
    done = end;
  }
  return out + text.slice(done);
}

/** The maximum depth of nested encodings, such as JSON in JSON in a URL in base64. Deeper nesting does not occur by accident. */
const MAX_DEPTH = 4;

const known = new WeakMap<readonly string[], Literals>();

/** Returns the prepared search for some values. It is built once for each list. */
export function literalsOf(values: readonly string[]): Literals {
  const made = known.get(values) ?? new Literals(values);
  known.set(values, made);
  return made;
}

/** Returns every secret in `text`, in order and without overlaps: the known `values`, and all known kinds of tokens. */
export function findSecrets(text: string, values: readonly string[]): Stretch[] {
  return merge(find(text, literalsOf(values), 0));
}

function find(text: string, literals: Literals, depth: number): Stretch[] {
  const tokens = [...findTokens(text), ...findMarkedTokens(text)];
  const found = [...literals.find(text), ...tokens, ...findKeys(text), ...findCredentials(text)];
  if (depth === MAX_DEPTH) return found;
  const view = plainView(text);
  const pieces = view === undefined ? decodedPieces(text) : [view, ...decodedPieces(text)];
  for (const piece of pieces) {
    for (const stretch of find(piece.text, literals, depth + 1)) found.push(piece.toRaw(stretch));
  }
  return found;
}

function merge(stretches: Stretch[]): Stretch[] {
  const merged: [number, number][] = [];
  for (const [from, to] of stretches.sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}
