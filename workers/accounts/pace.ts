/**
 * Keeps one account from taking the processor from the others. Each account has a budget of bytes in this isolate;
 * what a request moved and read is charged when it is done. Requests of an account that has overspent, or that runs
 * many requests at once, wait for their turn; a request that would wait too long is refused. Deliveries of a runner
 * (`paced: false` in the contract) have budgets of their own: large ones, small ones, and signs of life.
 */

import type { Share } from '../../spec/bounds.ts';
import { BESIDE_OTHERS, DELIVERIES, PACE, SIGNS_OF_LIFE, SMALL_DELIVERIES } from '../../spec/bounds.ts';

interface Account {
  userId: string;
  /** Bytes it may still spend; negative after an expensive request. */
  budget: number;
  /** When the budget was last refilled, in ms of the pacer's clock. */
  refilledAt: number;
  /** Bytes of heavy requests that are not repaid; it counts only while another account asks, too. */
  debt: number;
  /** When each request under way began, and when each that waits came. The platform may end a request without a word. */
  underWay: Set<Ticket>;
  waiting: Set<Ticket>;
}

interface Ticket {
  at: number;
  /** It has run for so long that it waits for something, and takes nothing from the thread. */
  isSlow?: boolean;
}

export interface PacerClock {
  now(): number;
  sleep(ms: number): Promise<void>;
}

/** What a request cost: bytes that it moved, and everything that it moved and read. */
export interface Cost {
  bytes: number;
  heavyBytes: number;
}

/** A turn: `done` charges what the request cost. `retryAfterMs`: refused, and when to come again. */
export type Turn = { kind: 'go'; done(cost: Cost): void } | { kind: 'refused'; retryAfterMs: number };

const REAL_CLOCK: PacerClock = {
  now: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

/** Which accounts have asked last, over all shares. */
export class Neighbors {
  #latest = { userId: '', at: Number.NEGATIVE_INFINITY };
  /** The last request of another account than the latest one. */
  #otherAt = Number.NEGATIVE_INFINITY;

  ask(userId: string, now: number): void {
    if (userId !== this.#latest.userId) this.#otherAt = this.#latest.at;
    this.#latest = { userId, at: now };
  }

  /** Whether an account besides this one has asked just now. */
  areBeside(userId: string, now: number): boolean {
    const at = userId === this.#latest.userId ? this.#otherAt : this.#latest.at;
    return now - at < BESIDE_OTHERS.forMs;
  }
}

/** Accounts remembered at most; one with a full budget and nothing under way is forgotten first. */
const REMEMBERED = 10_000;

export class Pacer {
  readonly share: Share;
  readonly #clock: PacerClock;
  readonly #neighbors: Neighbors;
  readonly #accounts = new Map<string, Account>();

  constructor(clock: PacerClock = REAL_CLOCK, share: Share = PACE, neighbors = new Neighbors()) {
    this.#clock = clock;
    this.share = share;
    this.#neighbors = neighbors;
  }

  /**
   * Waits for a turn, about `waitMs` at most. Every request has its own timer, so a request that ends delays no
   * other.
   */
  async enter(userId: string): Promise<Turn> {
    const account = this.#accountOf(userId);
    this.#neighbors.ask(userId, this.#clock.now());
    this.#refresh(account);
    if (account.waiting.size === 0 && this.#mayGo(account)) return this.#go(account);
    if (account.waiting.size >= PACE.waiting) return this.#refused(account);
    if (!this.share.slowRefusals && this.#waitOf(account) > this.share.waitMs) return this.#refused(account);
    const ticket = { at: this.#clock.now() };
    account.waiting.add(ticket);
    try {
      return await this.#wait(account, ticket);
    } finally {
      account.waiting.delete(ticket);
    }
  }

  async #wait(account: Account, { at }: Ticket): Promise<Turn> {
    for (;;) {
      // The more requests wait, the less often each checks: checking must not use up the time that they wait for.
      const pause = PACE.lookMs + account.waiting.size * PACE.lookPerWaiterMs;
      await this.#clock.sleep(Math.min(Math.max(this.#waitOf(account), pause), this.share.waitMs));
      this.#refresh(account);
      if (this.#mayGo(account)) return this.#go(account);
      if (this.#clock.now() - at > this.share.waitMs) return this.#refused(account);
    }
  }

  #go(account: Account): Turn {
    const ticket: Ticket = { at: this.#clock.now() };
    account.underWay.add(ticket);
    void this.#clock.sleep(BESIDE_OTHERS.busyMs).then(() => {
      ticket.isSlow = true;
    });
    account.budget -= this.share.requestBytes;
    return {
      kind: 'go',
      done: ({ bytes, heavyBytes }) => {
        account.underWay.delete(ticket);
        account.budget -= bytes;
        const debt = account.debt + Math.max(0, heavyBytes - BESIDE_OTHERS.freeBytes);
        account.debt = Math.min(debt, BESIDE_OTHERS.mostBytes);
      },
    };
  }

  #refresh(account: Account): void {
    this.#refill(account);
    const now = this.#clock.now();
    for (const ticket of account.underWay)
      if (now - ticket.at > PACE.forgottenMs) account.underWay.delete(ticket);
    for (const ticket of account.waiting)
      if (now - ticket.at > PACE.forgottenMs) account.waiting.delete(ticket);
  }

  #refill(account: Account): void {
    const now = this.#clock.now();
    const earned = ((now - account.refilledAt) * this.share.bytesPerSecond) / 1000;
    account.budget = Math.min(this.share.burstBytes, account.budget + Math.max(0, earned));
    const repaid = ((now - account.refilledAt) * BESIDE_OTHERS.repaidBytesPerSecond) / 1000;
    account.debt = Math.max(0, account.debt - Math.max(0, repaid));
    account.refilledAt = now;
  }

  #accountOf(userId: string): Account {
    const known = this.#accounts.get(userId);
    if (known !== undefined) return known;
    if (this.#accounts.size >= REMEMBERED) this.#forgetIdle();
    const account: Account = {
      userId,
      debt: 0,
      budget: this.share.burstBytes,
      refilledAt: this.#clock.now(),
      underWay: new Set(),
      waiting: new Set(),
    };
    this.#accounts.set(userId, account);
    return account;
  }

  #forgetIdle(): void {
    for (const [userId, account] of this.#accounts) {
      this.#refresh(account);
      const isIdle = account.underWay.size === 0 && account.waiting.size === 0;
      if (isIdle && account.budget >= this.share.burstBytes) this.#accounts.delete(userId);
    }
  }

  #mayGo(account: Account): boolean {
    const { userId, budget, debt, underWay } = account;
    if (budget <= 0 || underWay.size >= this.share.underWay) return false;
    const now = this.#clock.now();
    if (!this.#neighbors.areBeside(userId, now)) return true;
    const busy = [...underWay].filter(({ isSlow }) => !isSlow).length;
    return debt <= BESIDE_OTHERS.burstBytes && busy < this.share.underWayBeside;
  }

  /** Ms until the budget is positive again. */
  #waitOf({ budget }: Account): number {
    return budget > 0 ? 0 : Math.ceil(((1 - budget) * 1000) / this.share.bytesPerSecond);
  }

  #refused(account: Account): Turn {
    return { kind: 'refused', retryAfterMs: Math.max(this.#waitOf(account), 1000) };
  }
}

const neighbors = new Neighbors();

/** The accounts of this isolate: what they ask for, what their runners deliver, and the signs of life of their runners. */
export const pacers = {
  requests: new Pacer(REAL_CLOCK, PACE, neighbors),
  largeDeliveries: new Pacer(REAL_CLOCK, DELIVERIES, neighbors),
  smallDeliveries: new Pacer(REAL_CLOCK, SMALL_DELIVERIES, neighbors),
  signsOfLife: new Pacer(REAL_CLOCK, SIGNS_OF_LIFE, neighbors),
};
