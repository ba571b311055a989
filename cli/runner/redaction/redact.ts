/**
 * Replaces secrets in text before it is written to the spool, also when one is split over several pieces or messages.
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

/** More than this of a line, or of lines that may belong together, is not held back. */
const MAX_HELD_CHARS = 16 * 1024;
/** What follows a cut in a long line is seen before the cut is made; longer than any token. */
const LOOK_AHEAD_CHARS = 8 * 1024;
/** A longer secret (a key, a run of base64) is replaced in parts. */
const MAX_SECRET_CHARS = 64 * 1024;
/** What has been shown and still says what follows: the name before a value, the first words of a `.netrc` line. */
const CONTEXT_CHARS = 512;

/** Redacts a text that is complete. */
export function redactText(text: string, secrets: readonly string[]): string {
  return replace(text, findSecrets(text, secrets), 0);
}

/** Redacts the texts of a result, from the agent, a tool, or the system in an error. */
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
 * Redacts a stream of text. Whole lines come out at once, unless they may be a part of a secret of several lines; what comes
 * out is what `redactText` makes of all of it. A line that is longer than `MAX_HELD_CHARS` comes out in parts.
 */
export class Redactor {
  readonly #secrets: readonly string[];
  #context = '';
  #held = '';

  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
  }

  /** Takes the next piece and returns what can be shown now. */
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

  /** Returns what was held back: nothing more follows. */
  end(): string {
    const text = this.#held;
    return this.#show(text, this.#find(text), text.length);
  }

  /** Returns what was held back, unredacted; it may be a part of a secret. */
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

  /** Shows the text up to a cut near `wanted` that goes through no secret, and keeps the rest. */
  #show(text: string, secrets: readonly Stretch[], wanted: number): string {
    let cut = wanted;
    const crossing = secrets.find(([from, to]) => from < wanted && to > wanted);
    if (crossing) cut = text.length - crossing[0] > MAX_SECRET_CHARS ? crossing[1] : crossing[0];
    else if (wanted < text.length) cut = beforeEscape(text, wanted);
    this.#held = text.slice(cut);
    this.#context = (this.#context + text.slice(0, cut)).slice(-CONTEXT_CHARS);
    const shown = secrets.filter(([, to]) => to <= cut);
    const last = shown.at(-1);
    // The rest of a key that is cut here is known by its title.
    const title = last && last[1] === cut ? /-----BEGIN [A-Z ]{0,40}-----/.exec(text.slice(last[0])) : null;
    if (title) this.#context = `${title[0]}\n`;
    return replace(text.slice(0, cut), shown, 0);
  }
}

/**
 * Redacts messages, each of which is shown as soon as it arrives. A secret that is split over two of them is removed
 * from both: from the first when its end looks like the beginning of a secret.
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

  /** Redacts the answer of the agent: mostly its last message, which may begin with the end of a secret. */
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

/** How much of the beginning of `text` is settled: nothing that follows makes a secret of it. */
function settledLength(text: string, secrets: readonly string[]): number {
  const lines = text.slice(0, text.lastIndexOf('\n') + 1);
  return Math.min(openKey(lines), lines.length - literalsOf(secrets).openLines(lines));
}

/** An escape that may still go on, with all the marks that belong to it, or the first half of a character beyond U+FFFF. */
const OPEN_ESCAPE = new RegExp(`[\\\\%&${ESCAPE}]+[^\\s\\\\%&${ESCAPE}]{0,12}$|[\\uD800-\\uDBFF]$`);

/** A cut goes neither through an escape nor through a character. */
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

/** JSON in JSON in a URL in base64; deeper encodings do not happen by accident. */
const MAX_DEPTH = 4;

const known = new WeakMap<readonly string[], Literals>();

/** The search for some values; made once for each list. */
export function literalsOf(values: readonly string[]): Literals {
  const made = known.get(values) ?? new Literals(values);
  known.set(values, made);
  return made;
}

/** Every secret in `text`, in order and without overlaps. `values` are known secrets, next to all known shapes. */
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
