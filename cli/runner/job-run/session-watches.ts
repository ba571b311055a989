/**
 * Watches sessions that are in use, with one watch for each job. When the server hands out a job again after its pause, the watch of the
 * job ends. Otherwise a session that stays open overnight would have a hundred watches in the morning.
 */

export class SessionWatches {
  readonly #watches = new Map<string, AbortController>();

  /**
   * Calls `onFree` when `isFree` settles with true.
   * @param isFree waits until the session of the job is free, or the signal aborts
   */
  async watch(
    jobId: string,
    isFree: (signal: AbortSignal) => Promise<boolean>,
    onFree: () => Promise<void>,
  ): Promise<void> {
    this.end(jobId);
    const watch = new AbortController();
    this.#watches.set(jobId, watch);
    const isNews = await isFree(watch.signal).catch(() => false);
    if (watch.signal.aborted) return;
    this.#watches.delete(jobId);
    // If this fails, the job waits for the pause that the server has set.
    if (isNews) await onFree().catch(() => undefined);
  }

  end(jobId: string): void {
    this.#watches.get(jobId)?.abort();
    this.#watches.delete(jobId);
  }
}
