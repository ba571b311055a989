/**
 * One output stream of an agent. It redacts the shown output piece by piece and remembers the end of the stream. Output above
 * the limit is no longer shown; only its end is kept, and redacted when it is read. So a gigabyte of output costs little time
 * and memory.
 */

import { cutPlace, cutStart } from '../../../spec/text.ts';
import { Redactor, redactText } from '../redaction/redact.ts';

/** A large text is processed in pieces of this size, to use little memory. */
const PIECE_CHARS = 64 * 1024;

export class RedactedTail {
  readonly #secrets: readonly string[];
  readonly #redactor: Redactor;
  readonly #tail = new TextTail();
  /**
   * The raw end of the stream. It is twice as long as the tail, so that a secret at the start of the tail is found
   * completely.
   */
  #unshown: TextTail | undefined;

  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
    this.#redactor = new Redactor(secrets);
  }

  /** Accepts output and returns the redacted text that can be shown now. */
  *show(text: string): Generator<string> {
    for (let from = 0; from < text.length; ) {
      const to = cutPlace(text, from + PIECE_CHARS);
      yield this.#remember(this.#redactor.push(text.slice(from, to)));
      from = to;
    }
  }

  /** Accepts output that is not shown. No later output is shown either. */
  hide(text: string): void {
    if (this.#unshown === undefined) {
      this.#unshown = new TextTail(2 * TAIL_CHARS);
      this.#unshown.add(this.#redactor.takeHeld());
    }
    this.#unshown.add(text);
  }

  /** Returns the text that was held back. Call this at the end of the stream. */
  end(): string {
    return this.#unshown === undefined ? this.#remember(this.#redactor.end()) : '';
  }

  /** The last output, redacted. */
  get tail(): string {
    if (this.#unshown === undefined) return this.#tail.text;
    const both = new TextTail();
    both.add(this.#tail.text);
    both.add(redactText(this.#unshown.text, this.#secrets));
    return both.text;
  }

  #remember(text: string): string {
    this.#tail.add(text);
    return text;
  }
}

/** 64 Ki characters, enough for a person who reads the last output. */
const TAIL_CHARS = 64 * 1024;

class TextTail {
  readonly #keep: number;
  #parts: string[] = [];
  #length = 0;
  #isCut = false;

  constructor(keep = TAIL_CHARS) {
    this.#keep = keep;
  }

  add(text: string): void {
    this.#parts.push(text);
    this.#length += text.length;
    if (this.#length > 2 * this.#keep) this.#trim();
  }

  /** The text, or a mark and the end of the text if it was cut. */
  get text(): string {
    if (this.#length > this.#keep) this.#trim();
    return (this.#isCut ? '[…]\n' : '') + this.#parts.join('');
  }

  #trim(): void {
    const kept = cutStart(this.#parts.join(''), this.#keep);
    this.#parts = [kept];
    this.#length = kept.length;
    this.#isCut = true;
  }
}
