/** The maximum time for which the queue is assumed to stay empty. */
const QUIET_MS = 60_000;

interface FoundNothing {
  abilities: string | null;
  nextAt: number | undefined;
  now: number;
  draining?: boolean | undefined;
}

/**
 * Decides when a claim reads the queue, and when the object tells the runner that a job has become claimable. The gate only stores
 * times; the caller passes the current time and sets the alarm. If the memory of the object is lost, the next claim reads the
 * queue, and the next alarm announces once.
 */
export class ClaimGate {
  /** Counts wake-ups. A read that began before a wake-up may have missed the new job. */
  #wakes = 0;
  #quietUntil = 0;
  /** The abilities of the runner that found the queue empty. A runner with other abilities must read the queue. */
  #quietFor: string | null = null;
  /** True if the machine was drained when the queue was read. */
  #isDraining = false;
  /** From this time on, a job that was queued for later may be due. 0 as long as the queue was not read. */
  #laterFrom = 0;
  /** When to announce jobs that become due. */
  readonly #dueTimes = new Set<number>();
  #hasAnnounced = false;

  /** Returns the time before which no job can become claimable for these abilities, or undefined if the queue must be read. */
  quietUntil(now: number, abilities: string | null): number | undefined {
    return now < this.#quietUntil && abilities === this.#quietFor ? this.#quietUntil : undefined;
  }

  /** Returns whether the machine was drained when the queue was last read. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Returns whether a job that was queued for later may have become due, so that it must be moved to its lane first. */
  mayBeDue(now: number): boolean {
    return now >= this.#laterFrom;
  }

  /** Call this when the queue was read. A job that was queued for later and not seen costs only a further read. */
  noteLater(nextAt: number | undefined): void {
    this.#laterFrom = nextAt ?? Number.POSITIVE_INFINITY;
  }

  /** Call this when a read of the queue begins. Call the returned function if the read found no job. */
  beginRead(): (found: FoundNothing) => void {
    this.#quietUntil = 0;
    const wakesBefore = this.#wakes;
    return ({ abilities, nextAt, now, draining }) => {
      // A wake-up during the read may be about a job that the read did not see.
      if (this.#wakes !== wakesBefore) return;
      this.#quietFor = abilities;
      this.#isDraining = draining ?? false;
      this.#quietUntil = Math.min(nextAt ?? Number.POSITIVE_INFINITY, now + QUIET_MS);
    };
  }

  /** Call this when a job may be claimable now. */
  wake(): void {
    this.#wakes += 1;
    this.#quietUntil = 0;
  }

  /** Call this for a job that becomes claimable at `at`. The queue may stay unread until then; then the job is announced. */
  wakeAt(at: number): void {
    this.#wakes += 1;
    this.#quietUntil = Math.min(this.#quietUntil, at);
    this.#laterFrom = Math.min(this.#laterFrom, at);
    this.#dueTimes.add(at);
  }

  /** Call this when a read of the queue has found a job that becomes due at `at`. It is announced then. */
  announceAt(at: number): void {
    this.#dueTimes.add(at);
  }

  /** Returns when the next announcement is due. */
  earliestDue(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.#dueTimes);
  }

  /**
   * Returns whether to announce now. Returns true on the first call, because due times may have been lost with the memory.
   */
  takeDue(now: number): boolean {
    const due = [...this.#dueTimes].filter((at) => at <= now);
    for (const at of due) this.#dueTimes.delete(at);
    const mustAnnounce = due.length > 0 || !this.#hasAnnounced;
    this.#hasAnnounced = true;
    return mustAnnounce;
  }
}
