/**
 * Prevents one account from slowing down the others. Each account has a budget of bytes in this isolate. At its end, a
 * request is charged for the bytes that it has sent and read. If an account has overspent its budget or runs many requests at
 * once, its requests wait. A request that would wait too long is refused. Deliveries of a runner (`paced: false` in the
 * contract) have separate budgets: for large deliveries, for small deliveries, and for heartbeats and similar calls.
 */

import type { Share } from '../../spec/bounds.ts';
import { BESIDE_OTHERS, DELIVERIES, PACE, SIGNS_OF_LIFE, SMALL_DELIVERIES } from '../../spec/bounds.ts';

interface Account {
  userId: string;
  /** The bytes that the account may still spend. Negative after an expensive request. */
  budget: number;
  /** When the budget was last refilled, in ms of the pacer's clock. */
  refilledAt: number;
  /** The unpaid bytes of heavy requests. They matter only while another account also sends requests. */
  debt: number;
  /** The start times of running and waiting requests. They are needed because the platform may end a request silently. */
  underWay: Set<Ticket>;
  waiting: Set<Ticket>;
}

interface Ticket {
  at: number;
  /** True if the request has run for so long that it is only waiting and uses no processor time. */
  isSlow?: boolean;
}

export interface PacerClock {
  now(): number;
  sleep(ms: number): Promise<void>;
}

/** The cost of a request: the bytes sent and received, and the total including rows read. */
export interface Cost {
  bytes: number;
  heavyBytes: number;
}

/**
 * The result of waiting for a turn. `done` charges the cost of the request. A refusal has `retryAfterMs`, the time after which the client
 * may try again.
 */
export type Turn = { kind: 'go'; done(cost: Cost): void } | { kind: 'refused'; retryAfterMs: number };

const REAL_CLOCK: PacerClock = {
  now: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

/** Remembers which accounts have sent the last requests, over all budgets. */
export class Neighbors {
  #latest = { userId: '', at: Number.NEGATIVE_INFINITY };
  /** The time of the last request from a different account than the latest request. */
  #otherAt = Number.NEGATIVE_INFINITY;

  ask(userId: string, now: number): void {
    if (userId !== this.#latest.userId) this.#otherAt = this.#latest.at;
    this.#latest = { userId, at: now };
  }

  /** Returns whether another account has just sent a request. */
  areBeside(userId: string, now: number): boolean {
    const at = userId === this.#latest.userId ? this.#otherAt : this.#latest.at;
    return now - at < BESIDE_OTHERS.forMs;
  }
}

/** The maximum number of remembered accounts. Accounts with a full budget and no request are removed first. */
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
   * Waits for a turn, at most about `waitMs`. Every request has its own timer, so a request that ends delays no other.
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
      // If many requests wait, each checks less often, because the checks also use processor time.
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

/** The budgets of this isolate: for requests of people, for deliveries of runners, and for heartbeats and similar calls. */
export const pacers = {
  requests: new Pacer(REAL_CLOCK, PACE, neighbors),
  largeDeliveries: new Pacer(REAL_CLOCK, DELIVERIES, neighbors),
  smallDeliveries: new Pacer(REAL_CLOCK, SMALL_DELIVERIES, neighbors),
  signsOfLife: new Pacer(REAL_CLOCK, SIGNS_OF_LIFE, neighbors),
};
