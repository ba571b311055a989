/** Keeps the end of a text of any length. */

/** 64 Ki characters: what a person may want to look back at. */
const TAIL_CHARS = 64 * 1024;

export class TextTail {
  #parts: string[] = [];
  #length = 0;
  #isCut = false;

  add(text: string): void {
    this.#parts.push(text);
    this.#length += text.length;
    if (this.#length > 2 * TAIL_CHARS) this.#trim();
  }

  /** The text, or its last 64 Ki characters behind a mark that says so. */
  get text(): string {
    if (this.#length > TAIL_CHARS) this.#trim();
    return (this.#isCut ? '[…]\n' : '') + this.#parts.join('');
  }

  #trim(): void {
    const kept = this.#parts.join('').slice(-TAIL_CHARS);
    this.#parts = [kept];
    this.#length = kept.length;
    this.#isCut = true;
  }
}
