/**
 * Runs expensive work one at a time, so that a burst of it does not stall the isolate. Work that would wait too long
 * is refused at once, and one network cannot take every place. Each request waits with its own timer, because the
 * platform may end any of them silently.
 */

interface Ticket {
  /** The network of the waiting request. */
  key: string;
  isKnown: boolean;
  arrivedAt: number;
  /** When the waiting request last ran its check. */
  seenAt: number;
}

export interface TurnstileLimits {
  /** The number of runs at the same time. */
  atOnce: number;
  /** The maximum number of running or waiting requests from unknown callers. */
  places: number;
  /** The maximum for one key. */
  placesOfOne: number;
  /** Longest wait for a turn. */
  waitMs: number;
}

/** The pause between two checks. Other requests can run in the meantime. */
const LOOK_MS = 20;
/** A waiting request that has not run its check for this long has ended. */
const FORGOTTEN_MS = 10_000;

export class Turnstile {
  readonly #limits: TurnstileLimits;
  #tickets: Ticket[] = [];

  constructor(limits: TurnstileLimits) {
    this.#limits = limits;
  }

  /** Runs `work` when it is its turn. Returns undefined if the queue is full. Known callers run before unknown callers. */
  async pass<T>(
    caller: { key: string; isKnown: boolean },
    work: () => Promise<T>,
  ): Promise<{ value: T } | undefined> {
    const ticket = this.#take(caller);
    if (ticket === undefined) return undefined;
    try {
      return (await this.#isTurn(ticket)) ? { value: await work() } : undefined;
    } finally {
      this.#tickets = this.#tickets.filter((one) => one !== ticket);
    }
  }

  #take({ key, isKnown }: { key: string; isKnown: boolean }): Ticket | undefined {
    const now = Date.now();
    this.#tickets = this.#tickets.filter(({ seenAt }) => now - seenAt < FORGOTTEN_MS);
    const { atOnce, places, placesOfOne } = this.#limits;
    const strangers = this.#tickets.filter((one) => !one.isKnown).length;
    const own = this.#tickets.filter((one) => one.key === key).length;
    if (own >= placesOfOne || (!isKnown && strangers >= places)) return undefined;
    const ticket = { key, isKnown, arrivedAt: now, seenAt: now };
    const firstStranger = this.#tickets.findIndex((one, at) => at >= atOnce && !one.isKnown);
    this.#tickets.splice(isKnown && firstStranger >= 0 ? firstStranger : this.#tickets.length, 0, ticket);
    return ticket;
  }

  async #isTurn(ticket: Ticket): Promise<boolean> {
    while (this.#tickets.indexOf(ticket) >= this.#limits.atOnce) {
      await new Promise<void>((resolve) => setTimeout(resolve, LOOK_MS));
      const now = Date.now();
      ticket.seenAt = now;
      if (now - ticket.arrivedAt > this.#limits.waitMs) return false;
      this.#tickets = this.#tickets.filter((one) => now - one.seenAt < FORGOTTEN_MS);
    }
    return this.#tickets.includes(ticket);
  }
}
