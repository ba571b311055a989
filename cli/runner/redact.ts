/** Takes secrets out of text before it is written to the spool, also when one is split over several pieces. */

import { findSecrets, type Stretch, settledLength } from './secrets.ts';

/** What stands in place of a secret. */
export const REDACTED = '[redacted]';

/** An endless private key block must not be held back for ever: beyond this, what is held is one secret. */
const MAX_HELD_CHARS = 64 * 1024;

/** Redacts a text that is complete. */
export function redactText(text: string, literals: readonly string[]): string {
  return replace(text, findSecrets(text, literals));
}

/**
 * Redacts a stream of text. The end of what was pushed is held back while it may be the beginning of a secret; so
 * pieces come out a little late, and `end` brings the rest.
 */
export class Redactor {
  readonly #literals: readonly string[];
  #held = '';

  constructor(literals: readonly string[]) {
    this.#literals = literals;
  }

  /** Takes the next piece and returns what can be shown now. */
  push(piece: string): string {
    const text = this.#held + piece;
    const secrets = findSecrets(text, this.#literals);
    const settled = this.#cutPoint(text, secrets);
    const wanted = text.length - settled > MAX_HELD_CHARS ? text.length : settled;
    const cut = isInsideCharacter(text, wanted) ? wanted - 1 : wanted;
    this.#held = text.slice(cut);
    return replace(
      text.slice(0, cut),
      secrets.filter(([, to]) => to <= cut),
    );
  }

  /** Returns what was held back: nothing more follows. */
  end(): string {
    return redactText(this.takeHeld(), this.#literals);
  }

  /** Takes what was held back as it came; it may be a part of a secret. */
  takeHeld(): string {
    const held = this.#held;
    this.#held = '';
    return held;
  }

  /** A cut never goes through a secret: one that reaches over it is kept for the next piece. */
  #cutPoint(text: string, secrets: readonly Stretch[]): number {
    const settled = settledLength(text, this.#literals);
    const crossing = secrets.find(([from, to]) => from < settled && to > settled);
    return crossing?.[0] ?? settled;
  }
}

/** Whether an index separates the two halves of a character beyond U+FFFF. */
function isInsideCharacter(text: string, index: number): boolean {
  return /[\uDC00-\uDFFF]/.test(text.charAt(index)) && /[\uD800-\uDBFF]/.test(text.charAt(index - 1));
}

function replace(text: string, secrets: readonly Stretch[]): string {
  let out = '';
  let done = 0;
  for (const [from, to] of secrets) {
    out += text.slice(done, from) + REDACTED;
    done = to;
  }
  return out + text.slice(done);
}
