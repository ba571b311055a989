/** Keeps the end of a text of any length. */

import { cutStart } from '../../../spec/text.ts';

/** 64 Ki characters: what a person may want to look back at. */
export const TAIL_CHARS = 64 * 1024;

export class TextTail {
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
