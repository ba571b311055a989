/** The longest time for which an empty queue is believed. */
const QUIET_MS = 60_000;

/**
 * Decides when a claim reads the queue and when the runner is told that something has become claimable. The gate holds
 * times only: the caller names the time and sets the alarm. All of it may be lost with the memory of the object: then
 * the next claim reads the queue, and the next alarm announces once.
 */
export class ClaimGate {
  /** Counts what may have made something claimable: a read that began before a wake proves nothing about after it. */
  #wakes = 0;
  #quietUntil = 0;
  /** What the runner that saw nothing can do: one that can do more must read the queue itself. */
  #quietFor: string | null = null;
  /** When to announce jobs that become due. */
  readonly #dueTimes = new Set<number>();
  #hasAnnounced = false;

  /** Until when nothing can be claimable for a runner with these abilities; undefined: the queue must be read. */
  quietUntil(now: number, abilities: string | null): number | undefined {
    return now < this.#quietUntil && abilities === this.#quietFor ? this.#quietUntil : undefined;
  }

  /** A read of the queue begins. Call the returned function if it found nothing. */
  beginRead(abilities: string | null): (found: { nextAt: number | undefined; now: number }) => void {
    this.#quietUntil = 0;
    const wakesBefore = this.#wakes;
    return ({ nextAt, now }) => {
      // A wake that came meanwhile may be about a job that this read did not see.
      if (this.#wakes !== wakesBefore) return;
      this.#quietFor = abilities;
      this.#quietUntil = Math.min(nextAt ?? Number.POSITIVE_INFINITY, now + QUIET_MS);
    };
  }

  /** Something may be claimable now. */
  wake(): void {
    this.#wakes += 1;
    this.#quietUntil = 0;
  }

  /** Something becomes claimable at `at`: until then the queue may stay unread, and then it is announced. */
  wakeAt(at: number): void {
    this.#wakes += 1;
    this.#quietUntil = Math.min(this.#quietUntil, at);
    this.#dueTimes.add(at);
  }

  /** A read of the queue saw a job that becomes due at `at`: it is announced then. */
  announceAt(at: number): void {
    this.#dueTimes.add(at);
  }

  /** When the next announcement is due. */
  earliestDue(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.#dueTimes);
  }

  /** Whether to announce now. True on the first call: due times may have been lost with the memory. */
  takeDue(now: number): boolean {
    const due = [...this.#dueTimes].filter((at) => at <= now);
    for (const at of due) this.#dueTimes.delete(at);
    const mustAnnounce = due.length > 0 || !this.#hasAnnounced;
    this.#hasAnnounced = true;
    return mustAnnounce;
  }
}
