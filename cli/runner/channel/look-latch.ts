/** Remembers that a look was asked for until somebody looks. Several requests before that are one. */
export class LookLatch<Reason> {
  #pending: Reason | undefined;
  #wake: (() => void) | undefined;
  #closed = false;

  set(reason: Reason): void {
    this.#pending ??= reason;
    this.#wake?.();
  }

  /** Ends every wait, now and later. */
  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  /** The pending reason, or the next one; `fallback` after `pauseMs`; undefined when aborted or closed. */
  async next(signal: AbortSignal, pauseMs: number, fallback: Reason): Promise<Reason | undefined> {
    if (this.#pending === undefined && !this.#closed && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = () => resolve();
      this.#wake = wake;
      const timer = setTimeout(() => this.set(fallback), pauseMs);
      signal.addEventListener('abort', wake, { once: true });
      await promise;
      signal.removeEventListener('abort', wake);
      clearTimeout(timer);
      this.#wake = undefined;
    }
    if (this.#closed || signal.aborted) return undefined;
    const reason = this.#pending;
    this.#pending = undefined;
    return reason;
  }
}
