/** Remembers that a look was asked for until somebody looks. Several requests before that are one. */

import { timerMs } from '../../base/pause.ts';

export class LookLatch<Reason> {
  #pending: Reason | undefined;
  #wait: { end: () => void; pace: () => void } | undefined;
  #closed = false;

  set(reason: Reason): void {
    this.#pending ??= reason;
    this.#wait?.end();
  }

  /** What paces the waits has changed: a wait that is under way starts its pause anew. */
  repace(): void {
    this.#wait?.pace();
  }

  /** Ends every wait, now and later. */
  close(): void {
    this.#closed = true;
    this.#wait?.end();
  }

  /** The pending reason, or the next one, or that of the pause when it is over; undefined when aborted or closed. */
  async next(signal: AbortSignal, pause: () => { ms: number; reason: Reason }): Promise<Reason | undefined> {
    if (this.#pending === undefined && !this.#closed && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      let timer: NodeJS.Timeout | undefined;
      const pace = () => {
        clearTimeout(timer);
        const { ms, reason } = pause();
        timer = setTimeout(() => this.set(reason), timerMs(ms));
      };
      const end = () => resolve();
      this.#wait = { end, pace };
      pace();
      signal.addEventListener('abort', end, { once: true });
      await promise;
      signal.removeEventListener('abort', end);
      clearTimeout(timer);
      this.#wait = undefined;
    }
    if (this.#closed || signal.aborted) return undefined;
    const reason = this.#pending;
    this.#pending = undefined;
    return reason;
  }
}
