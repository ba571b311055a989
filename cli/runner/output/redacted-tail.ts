/**
 * One stream of an agent's output on its way out: redacted piece by piece while it is shown, and its end remembered. What is
 * no longer shown is only remembered, and redacted when somebody looks: a gigabyte of it costs neither time nor memory.
 */

import { cutPlace, cutStart } from '../../../spec/text.ts';
import { Redactor, redactText } from '../redaction/redact.ts';

/** A large text is taken in pieces, so that what is made of it on the way stays small. */
const PIECE_CHARS = 64 * 1024;

export class RedactedTail {
  readonly #secrets: readonly string[];
  readonly #redactor: Redactor;
  readonly #tail = new TextTail();
  /** As it came; twice as long as what is ever looked at, so that a secret at its beginning is seen whole. */
  #unshown: TextTail | undefined;

  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
    this.#redactor = new Redactor(secrets);
  }

  /** Takes output and gives what can be shown of it now. */
  *show(text: string): Generator<string> {
    for (let from = 0; from < text.length; ) {
      const to = cutPlace(text, from + PIECE_CHARS);
      yield this.#remember(this.#redactor.push(text.slice(from, to)));
      from = to;
    }
  }

  /** Takes output that is not shown, nor anything after it. */
  hide(text: string): void {
    if (this.#unshown === undefined) {
      this.#unshown = new TextTail(2 * TAIL_CHARS);
      this.#unshown.add(this.#redactor.takeHeld());
    }
    this.#unshown.add(text);
  }

  /** What was held back, when nothing follows. */
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

/** 64 Ki characters: what a person may want to look back at. */
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

  /** The text, or its end behind a mark that says so. */
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
